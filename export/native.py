"""Swapping layers for twins that convert well, without touching a weight."""

from __future__ import annotations

from typing import Any

from edgecls.errors import need


def to_native(keras: Any, model: Any) -> Any:
    """A copy of `model` whose dilated convolutions are single TensorFlow operations.

    Keras' own dilated convolution reaches TFLite as SPACE_TO_BATCH_ND, CONV_2D, BATCH_TO_SPACE_ND and an unfused
    MUL, which cuts the graph into many delegate partitions. `tf.nn.conv2d(..., dilations=...)` becomes one
    CONV_2D, but has no gradient on a CPU: hence the swap at export and not in the network.
    """
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

    def swap(layer: Any) -> Any:
        dilated = type(layer) is keras.layers.Conv2D and max(layer.dilation_rate) > 1
        kind = NativeConv2D if dilated and layer.groups == 1 else type(layer)
        return kind.from_config(layer.get_config())

    native = keras.models.clone_model(model, clone_function=swap)
    native.set_weights(model.get_weights())
    return native
