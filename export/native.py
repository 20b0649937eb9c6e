"""Swapping layers for twins that convert well; the network computes what it did."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgecls.errors import need

CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D")


def to_native(keras: Any, model: Any) -> Any:
    """A copy of a functional `model` of which every convolution and normalisation is one operation of TensorFlow.

    Keras' own dilated convolution reaches TFLite as SPACE_TO_BATCH_ND, CONV_2D, BATCH_TO_SPACE_ND and an unfused
    MUL, which cuts the graph into many delegate partitions. `tf.nn.conv2d(..., dilations=...)` becomes one
    CONV_2D, but has no gradient on a CPU: hence the swap at export and not in the network.

    A batch normalisation that stands behind no convolution to be folded into (DenseNet's, behind a concatenation)
    becomes a depthwise 1x1 convolution. Its own MUL and ADD would be two int8 tensors more, with one scale for the
    factors of all channels; a convolution has a scale for each, takes the ReLU behind it, and is one operation.
    """
    convolved = {id(layer.output) for layer in model.layers if type(layer).__name__ in CONVOLUTIONS}
    lone = {
        layer.name: layer
        for layer in model.layers
        if _is_map_norm(layer) and id(layer.input) not in convolved
    }
    dilated = _dilated_convolution(keras)

    def swap(layer: Any) -> Any:
        if layer.name in lone:
            return keras.layers.DepthwiseConv2D(1, name=layer.name)
        plain = type(layer) is not keras.layers.Conv2D or max(layer.dilation_rate) == 1 or layer.groups > 1
        kind = type(layer) if plain else dilated
        return kind.from_config(layer.get_config())

    def call(layer: Any, *inputs: Any, **_: Any) -> Any:
        return layer(*inputs)  # without the mask that a batch normalisation takes and a convolution does not

    native = keras.models.clone_model(model, clone_function=swap, call_function=call)
    for layer in model.layers:
        weights = _as_convolution(layer) if layer.name in lone else layer.get_weights()
        native.get_layer(layer.name).set_weights(weights)
    return native


def _is_map_norm(layer: Any) -> bool:
    """Whether it normalises the channels of a map, its last axis."""
    return (
        type(layer).__name__ == "BatchNormalization" and len(layer.input.shape) == 4 and layer.axis in (-1, 3)
    )


def _as_convolution(norm: Any) -> list[Any]:
    """Kernel (1, 1, channels, 1) and bias (channels,) of what a batch normalisation does once it is trained."""
    *learnt, mean, variance = (weight.astype(np.float64) for weight in norm.get_weights())
    factor = 1 / np.sqrt(variance + norm.epsilon)
    if norm.scale:
        factor = factor * learnt[0]
    shift = learnt[-1] if norm.center else 0.0
    bias = shift - mean * factor
    return [factor.reshape(1, 1, -1, 1).astype(np.float32), bias.astype(np.float32)]


def _dilated_convolution(keras: Any) -> Any:
    tf = need("tensorflow", "train")

    class NativeConv2D(keras.layers.Conv2D):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            outputs = tf.nn.conv2d(
                inputs,
                self.kernel,
                strides=list(self.strides),
                padding=self.padding.upper(),
                dilations=list(self.dilation_rate),
            )
            if self.use_bias:
                outputs = outputs + self.bias
            return self.activation(outputs)

    return NativeConv2D
