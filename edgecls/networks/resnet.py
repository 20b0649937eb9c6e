"""ResNet: blocks that add to what they were given (He et al. 2015).

ResNet-18 and -34, of basic blocks, are built like torchvision's: no biases, batch normalisation with epsilon 1e-5.
ResNet-50, -101 and -152, of bottlenecks, are keras.applications': biases, epsilon 1.001e-5, and the stride in a
block's first 1x1 convolution, as in the paper; torchvision has it in the 3x3 one and neither bias nor that epsilon.
"""

from __future__ import annotations

from edgecls.networks.keras_applications import keras_body
from edgecls.networks.keras_download import KerasDownload
from edgecls.networks.network import Body, Network, Tensor
from edgecls.networks.scaling import CAFFE, TORCH
from edgecls.networks.torch_layers import conv, max_pool, norm, relu

PAPER = "He et al. 2015, arXiv:1512.03385"
FILTERS = (64, 128, 256, 512)


def basic_body(*repeats: int) -> Body:
    """A ResNet with so many basic blocks in each of its four layers, 512 channels."""

    def body(x: Tensor, width: float) -> Tensor:
        x = relu(norm(conv(x, 64, 7, stride=2, padding=3, name="conv1"), "bn1"), "relu")
        x = max_pool(x, "maxpool", padding=1)
        for layer, (count, filters) in enumerate(zip(repeats, FILTERS, strict=True), start=1):
            for i in range(count):
                stride = 2 if layer > 1 and i == 0 else 1
                x = _basic_block(x, filters, stride=stride, name=f"layer{layer}_{i}")
        return x

    return body


def _basic_block(x: Tensor, filters: int, *, stride: int, name: str) -> Tensor:
    """Two 3x3 convolutions, added to the input, which a 1x1 convolution brings to another shape."""
    from keras import layers

    y = conv(x, filters, 3, stride=stride, padding=1, name=f"{name}_conv1")
    y = relu(norm(y, f"{name}_bn1"), f"{name}_relu1")
    y = norm(conv(y, filters, 3, padding=1, name=f"{name}_conv2"), f"{name}_bn2")
    if stride != 1:
        x = norm(conv(x, filters, 1, stride=stride, name=f"{name}_downsample_0"), f"{name}_downsample_1")
    return relu(layers.Add(name=f"{name}_add")([x, y]), f"{name}_relu2")


def _basic(depth: int, *repeats: int) -> Network:
    return Network(
        name=f"resnet{depth}",
        title=f"ResNet-{depth}",
        paper=PAPER,
        body=basic_body(*repeats),
        scaling=TORCH,
        size=224,
        min_size=32,
        unfreeze="layer4_0_conv1",
    )


def _bottleneck(depth: int) -> Network:
    return Network(
        name=f"resnet{depth}",
        title=f"ResNet-{depth}",
        paper=PAPER,
        body=keras_body(f"ResNet{depth}"),
        scaling=CAFFE,
        size=224,
        min_size=32,
        unfreeze="conv5_block1_1_conv",
        weights={"imagenet": KerasDownload(f"ResNet{depth}", reversed_input="conv1_conv")},
    )


RESNET18 = _basic(18, 2, 2, 2, 2)
RESNET34 = _basic(34, 3, 4, 6, 3)
RESNET50 = _bottleneck(50)
RESNET101 = _bottleneck(101)
RESNET152 = _bottleneck(152)
