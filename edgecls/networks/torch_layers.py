"""Layers that give what torchvision's give: its names, its padding, its batch normalisation.

Names are torchvision's with underscores for dots, so that a state dictionary's "layer1.0.conv1.weight" fills the
layer "layer1_0_conv1".
"""

from __future__ import annotations

from edgecls.networks.network import Tensor

BN_EPSILON = 1e-5  # of torch.nn.BatchNorm2d


def conv(
    x: Tensor, filters: int, kernel: int, *, name: str, stride: int = 1, padding: int = 0, bias: bool = False
) -> Tensor:
    """A convolution with `padding` zeros on each side.

    "same" would put the odd zero of a stride of 2 on the other side than PyTorch.
    """
    from keras import layers

    same = stride == 1 and 2 * padding == kernel - 1
    if padding and not same:
        x = layers.ZeroPadding2D(padding, name=f"{name}_pad")(x)
    return layers.Conv2D(
        filters, kernel, strides=stride, padding="same" if same else "valid", use_bias=bias, name=name
    )(x)


def norm(x: Tensor, name: str, *, epsilon: float = BN_EPSILON) -> Tensor:
    """Batch normalisation."""
    from keras import layers

    return layers.BatchNormalization(epsilon=epsilon, name=name)(x)


def relu(x: Tensor, name: str) -> Tensor:
    """max(x, 0)."""
    from keras import layers

    return layers.ReLU(name=name)(x)


def max_pool(x: Tensor, name: str, *, padding: int = 0) -> Tensor:
    """The largest of 3x3, stride 2; padding zeros are no more than any other value, since x comes from a ReLU."""
    from keras import layers

    if padding:
        x = layers.ZeroPadding2D(padding, name=f"{name}_pad")(x)
    return layers.MaxPooling2D(3, strides=2, name=name)(x)
