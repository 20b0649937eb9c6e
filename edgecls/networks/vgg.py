"""VGG: 3x3 convolutions in five blocks, each ended by pooling (Simonyan and Zisserman 2014).

VGG16 and VGG19, the paper's columns D and E, are keras.applications'. VGG11 and VGG13, columns A and B, are built
here with the same layer names; Keras has no weights for them, torchvision has, trained on standardised pixels.
"""

from __future__ import annotations

from collections.abc import Mapping

from edgecls.networks.keras_applications import keras_body
from edgecls.networks.keras_download import KerasDownload
from edgecls.networks.network import Body, Network, Tensor, WeightLoader
from edgecls.networks.scaling import CAFFE, TORCH, Scaling

PAPER = "Simonyan and Zisserman 2014, arXiv:1409.1556"
FILTERS = (64, 128, 256, 512, 512)
HIDDEN = (4096, 4096)


def vgg_body(*repeats: int) -> Body:
    """A VGG with so many convolutions in each of its five blocks, 512 channels."""

    def body(x: Tensor, width: float) -> Tensor:
        for block, (count, filters) in enumerate(zip(repeats, FILTERS, strict=True), start=1):
            x = _block(x, count, filters, name=f"block{block}")
        return x

    return body


def _block(x: Tensor, count: int, filters: int, *, name: str) -> Tensor:
    from keras import layers

    for i in range(1, count + 1):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"{name}_conv{i}")(x)
    return layers.MaxPooling2D(2, name=f"{name}_pool")(x)


def _network(depth: int, body: Body, scaling: Scaling, weights: Mapping[str, WeightLoader]) -> Network:
    return Network(
        name=f"vgg{depth}",
        title=f"VGG{depth}",
        paper=PAPER,
        body=body,
        scaling=scaling,
        size=224,
        min_size=32,
        unfreeze="block5_conv1",
        fine_tune_rate=3e-5,
        weights=weights,
        hidden=HIDDEN,
    )


def _from_keras(depth: int) -> Network:
    loader = KerasDownload(f"VGG{depth}", reversed_input="block1_conv1")
    return _network(depth, keras_body(f"VGG{depth}"), CAFFE, {"imagenet": loader})


VGG11 = _network(11, vgg_body(1, 1, 2, 2, 2), TORCH, {})
VGG13 = _network(13, vgg_body(2, 2, 2, 2, 2), TORCH, {})
VGG16 = _from_keras(16)
VGG19 = _from_keras(19)
