"""ENet as a classifier: the encoder of Paszke et al. 2016, global average pooling, and a head.

"ENet: A Deep Neural Network Architecture for Real-Time Semantic Segmentation", arXiv:1606.02147. Changes for the
edge: ReLU for PReLU (which int8 kernels do not fuse: PReLU splits an int8 ENet into dozens of delegate
partitions), and plain max pooling on the main branch, since no decoder needs its indices.

Changes for pictures under 64 pixels, which the paper never saw: the first block keeps their size, stage 1 has two
regular bottlenecks for four, stage 3 is left out (latency there is the number of operations, accuracy comes cheaper
by width), and so is spatial dropout, since at that size these few channels are short of capacity.
"""

from __future__ import annotations

from typing import Any

from edgecls.networks.network import Network, Tensor
from edgecls.networks.scaling import SIGNED

INITIAL_CONV = 13  # with the 3 pooled input channels: 16 maps
PROJECTION = 4  # internal channels are a quarter of the output's
SMALL_PICTURE = 64

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


def enet(x: Tensor, width: float) -> Tensor:
    """ENet's encoder, 128 * width channels.

    `width` scales every number of channels but the first block's 16.
    """
    small = x.shape[1] < SMALL_PICTURE
    wide, narrow = _channels(128, width), _channels(64, width)
    x = _initial_small(x) if small else _initial(x)
    x = _downsample(x, narrow, dropout=0 if small else 0.01, name="stage1_0")
    for i in range(1, 3 if small else 5):
        x = _bottleneck(x, "regular", 3, dropout=0 if small else 0.01, name=f"stage1_{i}")
    dropout = 0 if small else 0.1
    x = _downsample(x, wide, dropout=dropout, name="stage2_0")
    for stage in (2,) if small else (2, 3):
        for i, (kind, number) in enumerate(PASS, start=1):
            number = _reach(number, x.shape[1]) if kind == "dilated" else number
            x = _bottleneck(x, kind, number, dropout=dropout, name=f"stage{stage}_{i}")
    return x


def _channels(paper: int, width: float) -> int:
    """Channels at a width: a multiple of 8, so that the quarter of them is even."""
    return max(16, round(paper * width / 8) * 8)


def _reach(dilation: int, side: int) -> int:
    """The dilation, halved while it would reach past a map of that side: such taps see nothing but padding."""
    while dilation >= side:
        dilation //= 2
    return max(1, dilation)


def _initial(x: Any) -> Any:
    from keras import layers

    conv = layers.Conv2D(INITIAL_CONV, 3, strides=2, padding="same", use_bias=False, name="initial_conv")(x)
    pool = layers.MaxPooling2D(2, padding="same", name="initial_pool")(x)
    return _norm_relu(layers.Concatenate(name="initial_concat")([conv, pool]), "initial")


def _initial_small(x: Any) -> Any:
    """The first block for small pictures: 16 filters at full resolution."""
    from keras import layers

    return _norm_relu(
        layers.Conv2D(INITIAL_CONV + 3, 3, padding="same", use_bias=False, name="initial_conv")(x), "initial"
    )


def _norm_relu(x: Any, name: str) -> Any:
    from keras import layers

    return layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization(name=f"{name}_bn")(x))


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
    y = layers.BatchNormalization(name=f"{name}_expand_bn")(y)
    if dropout:
        y = layers.SpatialDropout2D(dropout, name=f"{name}_dropout")(y)
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([main, y]))


ENET = Network(
    name="enet",
    title="ENet encoder",
    paper="Paszke et al. 2016, arXiv:1606.02147",
    body=enet,
    scaling=SIGNED,
    size=128,
    min_size=32,
    scalable=True,
)
