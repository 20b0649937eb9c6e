"""Swapping layers for twins that convert well; the network computes what it did."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgecls.errors import need

CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D")


def to_native(keras: Any, model: Any) -> Any:
    """A copy of a functional `model` whose convolutions, normalisations and scalings are one operation each.

    Keras' own dilated convolution reaches TFLite as SPACE_TO_BATCH_ND, CONV_2D, BATCH_TO_SPACE_ND and an unfused
    MUL, which cuts the graph into many delegate partitions. `tf.nn.conv2d(..., dilations=...)` becomes one
    CONV_2D, but has no gradient on a CPU: hence the swap at export and not in the network.

    A batch normalisation that stands behind no convolution to be folded into (DenseNet's, behind a concatenation)
    becomes a depthwise 1x1 convolution, and so does a scaling of pixels that differs from channel to channel. The MUL
    and ADD of either would be two int8 tensors more, with one scale for the factors of all channels; a convolution
    has one for each, takes the ReLU behind it, and is one operation.
    """
    convolved = {id(layer.output) for layer in model.layers if type(layer).__name__ in CONVOLUTIONS}
    pointwise = {
        layer.name: _as_convolution(*_affine(layer))
        for layer in model.layers
        if _is_affine(layer) and id(layer.input) not in convolved
    }
    dilated = _dilated_convolution(keras)

    def swap(layer: Any) -> Any:
        if layer.name in pointwise:
            return keras.layers.DepthwiseConv2D(1, name=layer.name)
        plain = type(layer) is not keras.layers.Conv2D or max(layer.dilation_rate) == 1 or layer.groups > 1
        kind = type(layer) if plain else dilated
        return kind.from_config(layer.get_config())

    def call(layer: Any, *inputs: Any, **_: Any) -> Any:
        return layer(*inputs)  # without the mask that a batch normalisation takes and a convolution does not

    native = keras.models.clone_model(model, clone_function=swap, call_function=call)
    for layer in model.layers:
        native.get_layer(layer.name).set_weights(pointwise.get(layer.name) or layer.get_weights())
    return native


def _is_affine(layer: Any) -> bool:
    """Whether it gives each channel of a map, the last axis, a factor and an offset of its own."""
    if len(getattr(layer.output, "shape", ())) != 4:
        return False
    if type(layer).__name__ == "Rescaling":
        return np.unique(layer.scale).size > 1 or np.unique(layer.offset).size > 1
    return type(layer).__name__ == "BatchNormalization" and layer.axis in (-1, 3)


def _affine(layer: Any) -> tuple[Any, Any]:
    """Factors and offsets, each (channels,), of a scaling, or of a batch normalisation once it is trained."""
    if type(layer).__name__ == "Rescaling":
        channels = layer.output.shape[-1]
        return np.broadcast_to(layer.scale, (channels,)), np.broadcast_to(layer.offset, (channels,))
    *learnt, mean, variance = (weight.astype(np.float64) for weight in layer.get_weights())
    factors = 1 / np.sqrt(variance + layer.epsilon)
    if layer.scale:
        factors = factors * learnt[0]
    return factors, (learnt[-1] if layer.center else 0.0) - mean * factors


def _as_convolution(factors: Any, offsets: Any) -> list[Any]:
    """Kernel (1, 1, channels, 1) and bias (channels,)."""
    return [np.reshape(factors, (1, 1, -1, 1)).astype(np.float32), np.asarray(offsets, np.float32)]


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
