"""DenseNet: every layer of a block reads the maps of all before it (Huang et al. 2016).

DenseNet-121 and -169 are keras.applications' (batch normalisation with epsilon 1.001e-5); DenseNet-161, the wide one
of growth 48, is built like torchvision's (epsilon 1e-5).
"""

from __future__ import annotations

from edgecls.networks.keras_applications import keras_body
from edgecls.networks.keras_download import KerasDownload
from edgecls.networks.network import Network, Tensor
from edgecls.networks.scaling import TORCH
from edgecls.networks.torch_layers import conv, max_pool, norm, relu

PAPER = "Huang et al. 2016, arXiv:1608.06993"
GROWTH = 48
FIRST_FILTERS = 96
BLOCKS = (6, 12, 36, 24)
BOTTLENECK = 4  # a layer's 1x1 convolution has that many times the growth


def densenet161(x: Tensor, width: float) -> Tensor:
    """DenseNet-161's body, 2208 channels."""
    x = conv(x, FIRST_FILTERS, 7, stride=2, padding=3, name="features_conv0")
    x = max_pool(relu(norm(x, "features_norm0"), "features_relu0"), "features_pool0", padding=1)
    for block, count in enumerate(BLOCKS, start=1):
        for layer in range(1, count + 1):
            x = _dense_layer(x, f"features_denseblock{block}_denselayer{layer}")
        if block < len(BLOCKS):
            x = _transition(x, f"features_transition{block}")
    return relu(norm(x, "features_norm5"), "features_relu5")


def _dense_layer(x: Tensor, name: str) -> Tensor:
    """GROWTH new maps beside those that came in."""
    from keras import layers

    y = relu(norm(x, f"{name}_norm1"), f"{name}_relu1")
    y = conv(y, BOTTLENECK * GROWTH, 1, name=f"{name}_conv1")
    y = relu(norm(y, f"{name}_norm2"), f"{name}_relu2")
    y = conv(y, GROWTH, 3, padding=1, name=f"{name}_conv2")
    return layers.Concatenate(name=f"{name}_concat")([x, y])


def _transition(x: Tensor, name: str) -> Tensor:
    """Half the maps, half height and width."""
    from keras import layers

    x = conv(relu(norm(x, f"{name}_norm"), f"{name}_relu"), x.shape[-1] // 2, 1, name=f"{name}_conv")
    return layers.AveragePooling2D(2, name=f"{name}_pool")(x)


def _from_keras(depth: int) -> Network:
    return Network(
        name=f"densenet{depth}",
        title=f"DenseNet-{depth}",
        paper=PAPER,
        body=keras_body(f"DenseNet{depth}"),
        scaling=TORCH,
        size=224,
        min_size=32,
        unfreeze="conv5_block1_0_bn",
        weights={"imagenet": KerasDownload(f"DenseNet{depth}")},
    )


DENSENET121 = _from_keras(121)
DENSENET169 = _from_keras(169)
DENSENET161 = Network(
    name="densenet161",
    title="DenseNet-161",
    paper=PAPER,
    body=densenet161,
    scaling=TORCH,
    size=224,
    min_size=32,
    unfreeze="features_denseblock4_denselayer1_norm1",
)
