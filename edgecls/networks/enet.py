"""ENet as a classifier: the encoder of Paszke et al. 2016, global average pooling, and a head.

"ENet: A Deep Neural Network Architecture for Real-Time Semantic Segmentation", arXiv:1606.02147. Two changes
for the edge: ReLU for PReLU (which int8 kernels do not fuse: PReLU splits an int8 ENet into dozens of delegate
partitions), and plain max pooling on the main branch, since no decoder needs its indices.
"""

from __future__ import annotations

from typing import Any

from edgecls.errors import need
from edgecls.networks.network import Model, Network

# Torch, which the paper used, keeps 0.9 of its running statistics a step; with Keras' own 0.99 a few hundred
# photos give too few steps for them to arrive.
BN_MOMENTUM = 0.9
INITIAL_CONV = 13  # with the 3 pooled input channels: 16 maps
PROJECTION = 4  # internal channels are a quarter of the output's

# Stages 2 and 3 after their downsampling: ("regular" | "dilated" | "asymmetric", dilation or kernel side).
PASS = (
    ("regular", 3),
    ("dilated", 2),
    ("asymmetric", 5),
    ("dilated", 4),
    ("regular", 3),
    ("dilated", 8),
    ("asymmetric", 5),
    ("dilated", 16),
)


def build_enet(height: int, width: int) -> Model:
    """ENet's encoder, 128 features; input scaling x / 127.5 - 1."""
    keras = need("keras", "train")
    image = keras.Input((height, width, 3), name="image")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="scaling")(image)
    x = _initial(x)
    x = _downsample(x, 64, dropout=0.01, name="stage1_0")
    for i in range(1, 5):
        x = _bottleneck(x, "regular", 3, dropout=0.01, name=f"stage1_{i}")
    x = _downsample(x, 128, dropout=0.1, name="stage2_0")
    for stage in (2, 3):
        for i, (kind, number) in enumerate(PASS, start=1):
            x = _bottleneck(x, kind, number, dropout=0.1, name=f"stage{stage}_{i}")
    features = keras.layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(image, features, name="enet")


def _initial(x: Any) -> Any:
    from keras import layers

    conv = layers.Conv2D(INITIAL_CONV, 3, strides=2, padding="same", use_bias=False, name="initial_conv")(x)
    pool = layers.MaxPooling2D(2, padding="same", name="initial_pool")(x)
    return _norm_relu(layers.Concatenate(name="initial_concat")([conv, pool]), "initial")


def _norm_relu(x: Any, name: str) -> Any:
    from keras import layers

    return layers.ReLU(name=f"{name}_relu")(
        layers.BatchNormalization(momentum=BN_MOMENTUM, name=f"{name}_bn")(x)
    )


def _downsample(x: Any, filters: int, *, dropout: float, name: str) -> Any:
    """Halve height and width: 2x2 stride-2 projection beside a max pool whose channels are zero-padded."""
    from keras import layers, ops

    inner = filters // PROJECTION
    main = layers.MaxPooling2D(2, padding="same", name=f"{name}_pool")(x)
    main = ops.pad(main, [[0, 0], [0, 0], [0, 0], [0, filters - x.shape[-1]]])
    y = layers.Conv2D(inner, 2, strides=2, padding="same", use_bias=False, name=f"{name}_project")(x)
    y = _norm_relu(y, f"{name}_project")
    y = layers.Conv2D(inner, 3, padding="same", use_bias=False, name=f"{name}_main")(y)
    y = _norm_relu(y, f"{name}_main")
    return _expand_and_add(main, y, dropout=dropout, name=name)


def _bottleneck(x: Any, kind: str, number: int, *, dropout: float, name: str) -> Any:
    """1x1 projection, the main convolution, 1x1 expansion, added to the main branch."""
    from keras import layers

    inner = x.shape[-1] // PROJECTION
    y = layers.Conv2D(inner, 1, use_bias=False, name=f"{name}_project")(x)
    y = _norm_relu(y, f"{name}_project")
    if kind == "asymmetric":
        y = layers.Conv2D(inner, (number, 1), padding="same", use_bias=False, name=f"{name}_main_a")(y)
        y = layers.Conv2D(inner, (1, number), padding="same", use_bias=False, name=f"{name}_main_b")(y)
    elif kind == "dilated":
        y = layers.Conv2D(
            inner, 3, padding="same", dilation_rate=number, use_bias=False, name=f"{name}_main"
        )(y)
    else:
        y = layers.Conv2D(inner, number, padding="same", use_bias=False, name=f"{name}_main")(y)
    y = _norm_relu(y, f"{name}_main")
    return _expand_and_add(x, y, dropout=dropout, name=name)


def _expand_and_add(main: Any, branch: Any, *, dropout: float, name: str) -> Any:
    from keras import layers

    y = layers.Conv2D(main.shape[-1], 1, use_bias=False, name=f"{name}_expand")(branch)
    y = layers.BatchNormalization(momentum=BN_MOMENTUM, name=f"{name}_expand_bn")(y)
    y = layers.SpatialDropout2D(dropout, name=f"{name}_dropout")(y)
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([main, y]))


ENET = Network(name="enet", title="ENet encoder", build=build_enet, size=128, min_size=32)
