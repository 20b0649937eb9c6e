"""The networks: published sizes, scaling inside, stable names, and one sentence for what they cannot take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from edgecls.errors import UsageError
from edgecls.networks.network import HEADS
from edgecls.networks.scaling import RAW
from edgecls.networks.table import NETWORKS, find_network
from edgecls.networks.weights import load_weights

pytestmark = pytest.mark.xdist_group("networks")

# network: classes, parameters, of them trained alone?, where that figure stands.
PUBLISHED: dict[str, tuple[int, int, bool, str]] = {
    "lenet": (10, 61_706, False, "Zhang et al., Dive into Deep Learning, 7.6: 5x5x6+6, ..., 84x10+10"),
    "cnn": (1, 3_453_121, False, "Chollet 2017, Deep Learning with Python, 5.2: model.summary()"),
    "alexnet": (1000, 61_100_840, True, "torchvision: AlexNet_Weights.IMAGENET1K_V1, num_params"),
    "vgg11": (1000, 132_863_336, True, "torchvision: VGG11_Weights; paper: 133 million"),
    "vgg13": (1000, 133_047_848, True, "torchvision: VGG13_Weights; paper: 133 million"),
    "vgg16": (1000, 138_357_544, True, "torchvision and Keras; paper: 138 million"),
    "vgg19": (1000, 143_667_240, True, "torchvision and Keras; paper: 144 million"),
    "googlenet": (1000, 6_624_904, True, "torchvision: GoogLeNet_Weights"),
    "inception_v3": (1000, 23_851_784, False, "keras.io/api/applications: 23.9 M"),
    "resnet18": (1000, 11_689_512, True, "torchvision: ResNet18_Weights"),
    "resnet34": (1000, 21_797_672, True, "torchvision: ResNet34_Weights"),
    "resnet50": (1000, 25_636_712, False, "keras.io/api/applications: 25.6 M"),
    "resnet101": (1000, 44_707_176, False, "keras.io/api/applications: 44.7 M"),
    "resnet152": (1000, 60_419_944, False, "keras.io/api/applications: 60.4 M"),
    "densenet121": (1000, 8_062_504, False, "keras.io/api/applications: 8.1 M"),
    "densenet161": (1000, 28_681_000, True, "torchvision: DenseNet161_Weights"),
    "densenet169": (1000, 14_307_880, False, "keras.io/api/applications: 14.3 M"),
    "efficientnet_b0": (1000, 5_288_548, True, "torchvision: EfficientNet_B0_Weights; Keras, trainable"),
    "mobilenet_v2": (1000, 3_538_984, False, "keras.io/api/applications: 3.5 M"),
    "mobilenet_v3_small": (1000, 2_554_968, False, "keras.applications.MobileNetV3Small().count_params()"),
    "mobilenet_v3_large": (1000, 5_507_432, False, "keras.applications.MobileNetV3Large().count_params()"),
    "efficientnet_lite0": (1000, 4_652_008, True, "tensorflow/tpu: efficientnet_lite_builder_test.py"),
    "efficientnet_lite1": (1000, 5_416_680, True, "tensorflow/tpu: efficientnet_lite_builder_test.py"),
    "efficientnet_lite2": (1000, 6_092_072, True, "tensorflow/tpu: efficientnet_lite_builder_test.py"),
}
# Hidden layer of MobileNetV3's own head, which stands behind the pooling.
POOLED_HIDDEN = {"mobilenet_v3_small": (1024,), "mobilenet_v3_large": (1280,)}

MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
CAFFE_MEAN = np.array([123.68, 116.779, 103.939])
BLACK_AND_WHITE = {  # what the body sees of pixels 0 and 255
    **dict.fromkeys(("lenet", "cnn"), (0.0, 1.0)),
    **dict.fromkeys(
        ("vgg16", "vgg19", "resnet50", "resnet101", "resnet152"), (-CAFFE_MEAN, 255 - CAFFE_MEAN)
    ),
    **dict.fromkeys(
        ("alexnet", "vgg11", "vgg13", "resnet18", "resnet34", "densenet121", "densenet161", "densenet169"),
        (-MEAN / DEVIATION, (1 - MEAN) / DEVIATION),
    ),
    "efficientnet_b0": (-MEAN / DEVIATION, (1 - MEAN) / DEVIATION),
    **dict.fromkeys(("googlenet", "inception_v3", "enet"), (-1.0, 1.0)),
    **dict.fromkeys(("mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large"), (-1.0, 1.0)),
    **dict.fromkeys(("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"), (-127 / 128, 1.0)),
}

LAST_BLOCK = {  # how the names begin of the block that fine-tuning begins with
    "alexnet": "features_10",
    **dict.fromkeys(("vgg11", "vgg13", "vgg16", "vgg19"), "block5_"),
    "googlenet": "inception5",
    "inception_v3": "mixed9",
    **dict.fromkeys(("resnet18", "resnet34"), "layer4_"),
    **dict.fromkeys(("resnet50", "resnet101", "resnet152", "densenet121", "densenet169"), "conv5_"),
    "densenet161": "features_denseblock4_",
    "efficientnet_b0": "block6a_",
    "mobilenet_v2": "block_13_",
    "mobilenet_v3_small": "expanded_conv_8_",
    "mobilenet_v3_large": "expanded_conv_12_",
    "efficientnet_lite0": "block8_",
    **dict.fromkeys(("efficientnet_lite1", "efficientnet_lite2"), "block11_"),
}


@dataclass(frozen=True)
class Facts:
    """What the tests ask of one backbone; the backbone itself is too large to keep 25 of."""

    names: list[str]  # of layers and operations
    layers: list[str]
    kinds: list[str]
    total: int
    trained: int
    map: tuple[int, ...]
    scaled: Any  # pixels 0 and 255 behind the layer "scaling", (2, 3)
    input: tuple[str, str, tuple[int | None, ...]]
    momenta: list[float]  # of batch normalisation


def count(weights: list[Any]) -> int:
    return sum(int(np.prod(weight.shape)) for weight in weights)


def look_at(model: Any) -> Facts:
    grey = np.full((2, 1, 1, 3), 255, np.float32) * np.array([0, 1], np.float32).reshape(2, 1, 1, 1)
    return Facts(
        names=[operation.name for operation in model.operations],
        layers=[layer.name for layer in model.layers],
        kinds=[type(layer).__name__ for layer in model.layers],
        total=model.count_params(),
        trained=count(model.trainable_weights),
        map=tuple(model.output.shape[1:]),
        scaled=np.asarray(model.get_layer("scaling")(grey)).reshape(2, 3),
        input=(model.input.name, model.input.dtype, tuple(model.input.shape)),
        momenta=[layer.momentum for layer in model.layers if type(layer).__name__ == "BatchNormalization"],
    )


@cache
def facts(name: str) -> Facts:
    """The backbone at the paper's size."""
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    return look_at(NETWORKS[name].build(NETWORKS[name].size))


@cache
def small_facts(name: str) -> Facts:
    """Another build of it, at the smallest size."""
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    return look_at(NETWORKS[name].build(NETWORKS[name].min_size))


def dense(features: int, *units: int) -> int:
    """Parameters of dense layers one after the other."""
    return sum((a + 1) * b for a, b in zip((features, *units), units, strict=False))


def test_there_are_25_networks() -> None:
    assert len(NETWORKS) == 25
    assert set(PUBLISHED) | {"enet"} == set(NETWORKS)
    assert all(name == network.name and network.head in HEADS for name, network in NETWORKS.items())


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_as_many_as_published(name: str) -> None:
    """With the paper's head; the sources stand in PUBLISHED."""
    classes, published, trained_alone, _ = PUBLISHED[name]
    network, found = NETWORKS[name], facts(name)
    features = int(np.prod(found.map)) if network.hidden else found.map[-1]
    head = dense(features, *(network.hidden or POOLED_HIDDEN.get(name, ())), classes)
    assert (found.trained if trained_alone else found.total) + head == published


def test_enet_has_the_structure_of_the_paper() -> None:
    """Paszke et al. 2016, table 1: 16 maps at 1/2, 64 at 1/4, 128 at 1/8; dilations 2 to 16, twice."""
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    backbone = NETWORKS["enet"].build(160)
    shape = {layer.name: tuple(layer.output.shape[1:]) for layer in backbone.layers}
    assert shape["initial_concat"] == (80, 80, 16)
    assert shape["stage1_4_relu"] == (40, 40, 64)
    assert shape["stage3_8_relu"] == (20, 20, 128)
    dilations = [layer.dilation_rate[0] for layer in backbone.layers if hasattr(layer, "dilation_rate")]
    assert [rate for rate in dilations if rate > 1] == [2, 4, 8, 16] * 2
    assert sum("main_a" in layer.name for layer in backbone.layers) == 4


def test_enet_has_the_parameters_of_the_papers_encoder() -> None:
    """Counted from table 1: projections to a quarter, main convolutions, expansions, two numbers a normalised map."""

    def bottleneck(main: int) -> int:
        return 128 * 32 + main * 32 * 32 + 32 * 128 + 2 * (32 + 32 + 128)

    def down(channels: int, filters: int) -> int:
        inner = filters // 4
        return 4 * channels * inner + 9 * inner**2 + inner * filters + 2 * (2 * inner + filters)

    first = 9 * 3 * 13 + 2 * 16
    stage1 = down(16, 64) + 4 * (64 * 16 + 9 * 16 * 16 + 16 * 64 + 2 * (16 + 16 + 64))
    assert facts("enet").trained == first + stage1 + down(64, 128) + 2 * (
        6 * bottleneck(9) + 2 * bottleneck(10)
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_pixels_are_scaled_inside_the_network_and_once(name: str) -> None:
    found = facts(name)
    black, white = BLACK_AND_WHITE[name]
    assert found.scaled[0] == pytest.approx(np.broadcast_to(black, 3), abs=1e-4)
    assert found.scaled[1] == pytest.approx(np.broadcast_to(white, 3), abs=1e-4)
    assert found.layers[:2] == ["image", "scaling"]
    assert found.kinds.count("Rescaling") == (2 if name == "lenet" else 1)  # LeNet's second one makes grey
    assert "Normalization" not in found.kinds
    size = NETWORKS[name].size
    assert found.input == ("image", "float32", (None, size, size, 3))


def test_a_network_may_scale_in_its_body() -> None:
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    backbone = replace(NETWORKS["lenet"], scaling=RAW).build(32)
    assert "scaling" not in [layer.name for layer in backbone.layers]


@pytest.mark.parametrize("name", NETWORKS)
def test_names_are_the_same_in_every_build(name: str) -> None:
    if name == "enet":  # another network under 64 pixels
        assert look_at(NETWORKS[name].build(64)).names == facts(name).names
    else:
        assert small_facts(name).names == facts(name).names


@pytest.mark.parametrize("name", NETWORKS)
def test_names_are_unique_and_can_be_saved(name: str) -> None:
    found = facts(name)
    assert len(set(found.names)) == len(found.names)
    assert not [layer for layer in found.names if layer.startswith("_") or "/" in layer]
    assert not {"Lambda", "Functional", "Sequential"} & set(found.kinds)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_smallest_picture_leaves_a_map(name: str) -> None:
    assert min(small_facts(name).map) >= 1


@pytest.mark.parametrize("name", ["lenet", "cnn", "alexnet", "vgg11", "vgg16", "inception_v3"])
def test_a_picture_smaller_by_one_pixel_leaves_none(name: str) -> None:
    """Of networks that do not pad everywhere: the others could take less, but less than one cell of their map."""
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    network = NETWORKS[name]
    try:
        backbone = replace(network, min_size=1).build(network.min_size - 1)
    except ValueError:  # Keras: a window larger than the map
        return
    assert 0 in backbone.output.shape


@pytest.mark.parametrize("name", NETWORKS)
def test_too_small_a_size_is_one_sentence(name: str) -> None:
    network = find_network(name)
    least = network.min_size
    assert network.check_size(least) == least
    with pytest.raises(
        UsageError, match=f"{name} needs pictures of at least {least}x{least} pixels, found {least - 1}"
    ):
        network.build(least - 1)


@pytest.mark.parametrize("name", NETWORKS)
def test_running_statistics_arrive_within_the_steps_that_a_few_hundred_photos_give(name: str) -> None:
    assert all(momentum <= 0.9 for momentum in facts(name).momenta)
    assert bool(facts(name).momenta) == (name not in ("lenet", "cnn", "alexnet") and "vgg" not in name)


@pytest.mark.parametrize("name", LAST_BLOCK)
def test_fine_tuning_begins_before_the_whole_last_block(name: str) -> None:
    found, start = facts(name), NETWORKS[name].unfreeze
    block = [
        i
        for i, layer in enumerate(found.layers)
        if layer.startswith(LAST_BLOCK[name]) and not layer.endswith("_pad")
    ]
    assert start is not None
    assert block
    assert found.layers.index(start) <= min(block)


def test_inception_is_trained_from_the_layer_that_keras_numbers_249() -> None:
    """keras.io/api/applications freezes the first 249 of its 311 layers."""
    layers = facts("inception_v3").layers
    assert len(layers) - (layers.index("mixed8") + 1) == 311 - 249


def test_networks_without_a_last_block_are_trained_whole() -> None:
    assert {name for name, network in NETWORKS.items() if network.unfreeze is None} == {
        "lenet",
        "cnn",
        "enet",
    }


@pytest.mark.parametrize("name", ["enet", "mobilenet_v2", "mobilenet_v3_small"])
def test_width_multiplies_the_channels(name: str) -> None:
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    half = NETWORKS[name].build(64, 0.5).count_params()
    assert 0.2 * facts(name).total < half < 0.5 * facts(name).total


def test_a_width_that_a_network_does_not_have_is_one_sentence() -> None:
    with pytest.raises(UsageError, match=r"resnet18 has one width only, found --width 0\.5"):
        NETWORKS["resnet18"].build(64, 0.5)


def test_an_unknown_network_is_answered_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"expected a network of .*enet.*, found 'resnet'"):
        find_network("resnet")


def test_unknown_weights_are_answered_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="has no weights 'coco'; expected one of: imagenet, none"):
        load_weights(find_network("efficientnet_lite0"), None, "coco")


def test_no_weights_leave_the_network_as_it_is() -> None:
    assert load_weights(find_network("enet"), None, "none") == "random initialisation"
    assert find_network("enet").default_weights == "none"
