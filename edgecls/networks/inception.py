"""GoogLeNet and InceptionV3: branches of different kernels side by side (Szegedy et al. 2014 and 2015).

GoogLeNet is built like torchvision's: with batch normalisation (Ioffe and Szegedy 2015) of epsilon 1e-3, without
the auxiliary heads, and with 3x3 where the paper has 5x5, as its weights were trained. Those weights came from
TensorFlow and expect pixels of -1..1: torchvision turns its standardised pixels back (its `transform_input`).
"""

from __future__ import annotations

from edgecls.networks.keras_applications import keras_body
from edgecls.networks.keras_download import KerasDownload
from edgecls.networks.network import Network, Tensor
from edgecls.networks.scaling import SIGNED
from edgecls.networks.torch_layers import conv, norm, relu

BN_EPSILON = 1e-3

# Channels of a module: the 1x1 branch; reduction and 3x3 of the second and of the third; after pooling.
# The poolings between them are POOLS_AFTER (table 1 of the paper).
MODULES: dict[str, tuple[int, tuple[int, int], tuple[int, int], int]] = {
    "inception3a": (64, (96, 128), (16, 32), 32),
    "inception3b": (128, (128, 192), (32, 96), 64),
    "inception4a": (192, (96, 208), (16, 48), 64),
    "inception4b": (160, (112, 224), (24, 64), 64),
    "inception4c": (128, (128, 256), (24, 64), 64),
    "inception4d": (112, (144, 288), (32, 64), 64),
    "inception4e": (256, (160, 320), (32, 128), 128),
    "inception5a": (256, (160, 320), (32, 128), 128),
    "inception5b": (384, (192, 384), (48, 128), 128),
}
POOLS_AFTER = {"inception3b": ("maxpool3", 3), "inception4e": ("maxpool4", 2)}


def googlenet(x: Tensor, width: float) -> Tensor:
    """GoogLeNet's body, 1024 channels."""
    x = _conv(x, 64, 7, stride=2, name="conv1")
    x = _pool(x, 3, "maxpool1")
    x = _conv(_conv(x, 64, 1, name="conv2"), 192, 3, name="conv3")
    x = _pool(x, 3, "maxpool2")
    for name in MODULES:
        x = _module(x, name)
        if name in POOLS_AFTER:
            pool, side = POOLS_AFTER[name]
            x = _pool(x, side, pool)
    return x


def _conv(x: Tensor, filters: int, kernel: int, *, name: str, stride: int = 1) -> Tensor:
    x = conv(x, filters, kernel, stride=stride, padding=kernel // 2, name=f"{name}_conv")
    return relu(norm(x, f"{name}_bn", epsilon=BN_EPSILON), f"{name}_relu")


def _pool(x: Tensor, side: int, name: str) -> Tensor:
    """Max pooling of stride 2 whose last window may reach over the edge (PyTorch's `ceil_mode`).

    "same" does that where the map has an even side; where it is odd, 3x3 windows end at the edge anyway.
    """
    from keras import layers

    padding = "valid" if side == 3 and x.shape[1] % 2 else "same"
    return layers.MaxPooling2D(side, strides=2, padding=padding, name=name)(x)


def _module(x: Tensor, name: str) -> Tensor:
    """Four branches, joined by channel."""
    from keras import layers

    one, second, third, last = MODULES[name]
    pooled = layers.MaxPooling2D(3, strides=1, padding="same", name=f"{name}_branch4_0")(x)
    branches = [
        _conv(x, one, 1, name=f"{name}_branch1"),
        _two(x, *second, name=f"{name}_branch2"),
        _two(x, *third, name=f"{name}_branch3"),
        _conv(pooled, last, 1, name=f"{name}_branch4_1"),
    ]
    return layers.Concatenate(name=f"{name}_concat")(branches)


def _two(x: Tensor, reduced: int, filters: int, *, name: str) -> Tensor:
    return _conv(_conv(x, reduced, 1, name=f"{name}_0"), filters, 3, name=f"{name}_1")


# Both begin fine-tuning with the layer that all of the last modules hang on: it has no weights, what follows has.
GOOGLENET = Network(
    name="googlenet",
    title="GoogLeNet",
    paper="Szegedy et al. 2014, arXiv:1409.4842",
    body=googlenet,
    scaling=SIGNED,
    size=224,
    min_size=32,
    unfreeze="maxpool4",
)
INCEPTION_V3 = Network(
    name="inception_v3",
    title="InceptionV3",
    paper="Szegedy et al. 2015, arXiv:1512.00567",
    body=keras_body("InceptionV3"),
    scaling=SIGNED,
    size=299,
    min_size=75,
    unfreeze="mixed8",
    weights={"imagenet": KerasDownload("InceptionV3")},
)
