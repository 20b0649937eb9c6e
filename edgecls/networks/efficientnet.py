"""EfficientNet-B0 (Tan and Le 2019) as keras.applications builds it, without the scaling it has inside."""

from __future__ import annotations

from edgecls.errors import need
from edgecls.networks.keras_download import KerasDownload
from edgecls.networks.network import Model, Network, Tensor
from edgecls.networks.scaling import TORCH


def efficientnet_b0(x: Tensor, width: float) -> Tensor:
    """EfficientNet-B0's body from its first convolution on, 1280 channels.

    What Keras puts before it, a division by 255, a Normalization and with ImageNet weights a second division,
    is (pixel / 255 - mean) / deviation, which is the scaling TORCH in one step.
    """
    keras = need("keras", "train")
    whole = keras.applications.EfficientNetB0(input_shape=x.shape[1:], include_top=False, weights=None)
    return _continue(whole, "stem_conv_pad", x)


def _continue(model: Model, first: str, x: Tensor) -> Tensor:
    """Copies of a flat model's layers from `first` on, called on `x`; calling the model itself would nest it."""
    keras = need("keras", "train")
    known = {id(model.get_layer(first).input): x}
    names = [layer.name for layer in model.layers]
    for layer in model.layers[names.index(first) :]:
        inputs = keras.tree.map_structure(lambda tensor: known[id(tensor)], layer.input)
        known[id(layer.output)] = type(layer).from_config(layer.get_config())(inputs)
    return known[id(model.output)]


EFFICIENTNET_B0 = Network(
    name="efficientnet_b0",
    title="EfficientNet-B0",
    paper="Tan and Le 2019, arXiv:1905.11946",
    body=efficientnet_b0,
    scaling=TORCH,
    size=224,
    min_size=32,
    unfreeze="block6a_expand_conv",
    weights={"imagenet": KerasDownload("EfficientNetB0")},
)
