"""The classics: LeNet-5, AlexNet, and the small convolution network that tutorials begin with."""

from __future__ import annotations

from edgecls.networks.network import Network, Tensor
from edgecls.networks.scaling import TORCH, UNIT
from edgecls.networks.torch_layers import conv, max_pool, relu

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
CONVOLUTIONS = ((64, 11, 4, 2), (192, 5, 1, 2), (384, 3, 1, 1), (256, 3, 1, 1), (256, 3, 1, 1))
TUTORIAL_FILTERS = (32, 64, 128, 128)


def lenet(x: Tensor, width: float) -> Tensor:
    """LeNet-5's convolutions on the picture's grey, 16 channels; C5 to the output are its head.

    ReLU for the scaled tanh, subsampling without weights, and each map of C3 reads all of S2, as LeNet-5 is
    built today: 61,706 parameters with ten classes.
    """
    from keras import layers

    x = _grey(x)
    for i, filters in enumerate((6, 16), start=1):
        x = layers.Conv2D(filters, 5, activation="relu", name=f"conv{i}")(x)
        x = layers.AveragePooling2D(2, name=f"pool{i}")(x)
    return x


def _grey(x: Tensor) -> Tensor:
    """Luma, (None, h, w, 1). A product and a sum: a convolution's weights would be trained with the others."""
    from keras import layers, ops

    return ops.sum(layers.Rescaling(LUMA, name="luma")(x), axis=-1, keepdims=True)


def alexnet(x: Tensor, width: float) -> Tensor:
    """AlexNet's convolutions as torchvision has them ("One weird trick", one column), 256 channels.

    Layers have torchvision's numbers: 0, 3, 6, 8 and 10 are convolutions, 2, 5 and 12 poolings.
    """
    number = 0
    for i, (filters, kernel, stride, padding) in enumerate(CONVOLUTIONS):
        name = f"features_{number}"
        x = conv(x, filters, kernel, stride=stride, padding=padding, bias=True, name=name)
        x = relu(x, f"features_{number + 1}")
        number += 2
        if i in (0, 1, 4):
            x = max_pool(x, f"features_{number}")
            number += 1
    return x


def tutorial(x: Tensor, width: float) -> Tensor:
    """Four convolutions, each with pooling: "Deep Learning with Python", section 5.2, 128 channels.

    Ours is what keeps it from learning a small set of photos by heart: spatial dropout after every block.
    """
    from keras import layers

    for i, filters in enumerate(TUTORIAL_FILTERS, start=1):
        x = layers.Conv2D(filters, 3, activation="relu", name=f"block{i}_conv")(x)
        x = layers.MaxPooling2D(2, name=f"block{i}_pool")(x)
        x = layers.SpatialDropout2D(0.1, name=f"block{i}_dropout")(x)
    return x


LENET = Network(
    name="lenet",
    title="LeNet-5",
    paper="LeCun et al. 1998, Proceedings of the IEEE 86(11)",
    body=lenet,
    scaling=UNIT,
    size=32,
    min_size=16,
    hidden=(120, 84),
    head="paper",
)
CNN = Network(
    name="cnn",
    title="Tutorial CNN",
    paper="Chollet 2017, Deep Learning with Python, section 5.2",
    body=tutorial,
    scaling=UNIT,
    size=150,
    min_size=46,
    hidden=(512,),
    head="paper",
)
ALEXNET = Network(
    name="alexnet",
    title="AlexNet",
    paper="Krizhevsky 2014, arXiv:1404.5997",
    body=alexnet,
    scaling=TORCH,
    size=224,
    min_size=63,
    unfreeze="features_6",
    hidden=(4096, 4096),
)
