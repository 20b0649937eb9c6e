"""The networks: published sizes, input scaling inside, and one sentence for what they cannot take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgecls.errors import UsageError
from edgecls.networks.table import NETWORKS, find_network

pytestmark = pytest.mark.xdist_group("networks")

CLASSES = 1000


def build(name: str, size: int = 64) -> Any:
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    return NETWORKS[name].build(size, size)


def trainable(model: Any) -> int:
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def test_lite0_has_the_published_number_of_parameters() -> None:
    """tensorflow/tpu, models/official/efficientnet/lite/efficientnet_lite_builder_test.py: 4,652,008 trainable
    ones with 1000 classes; the 2 x 21,008 statistics of batch normalisation are not among them."""
    backbone = build("efficientnet_lite0")
    assert trainable(backbone) + (1280 + 1) * CLASSES == 4_652_008
    assert backbone.count_params() == 4_652_008 - 1_281_000 + 42_016 == 3_413_024


def test_mobilenet_v2_has_the_published_number_of_parameters() -> None:
    """keras.applications.MobileNetV2: 2,257,984 without its top, 3,538,984 with it, statistics included."""
    backbone = build("mobilenet_v2")
    assert backbone.count_params() == 2_257_984
    assert backbone.count_params() + (1280 + 1) * CLASSES == 3_538_984


def test_enet_has_the_structure_of_the_paper() -> None:
    """Paszke et al. 2016, table 1: 16 maps at 1/2, 64 at 1/4, 128 at 1/8; dilations 2 to 16, twice."""
    backbone = build("enet")
    shape = {layer.name: tuple(layer.output.shape[1:]) for layer in backbone.layers}
    assert shape["initial_concat"] == (32, 32, 16)
    assert shape["stage1_4_relu"] == (16, 16, 64)
    assert shape["stage3_8_relu"] == (8, 8, 128)
    dilations = [layer.dilation_rate[0] for layer in backbone.layers if hasattr(layer, "dilation_rate")]
    assert [rate for rate in dilations if rate > 1] == [2, 4, 8, 16] * 2
    assert sum("main_a" in layer.name for layer in backbone.layers) == 4


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("efficientnet_lite0", -127 / 128, 1.0),  # (x - 127) / 128
        ("enet", -1.0, 1.0),
        ("mobilenet_v2", -1.0, 1.0),
    ],
)
def test_pixels_are_scaled_inside_the_network(name: str, low: float, high: float) -> None:
    import keras

    backbone = build(name, 32)
    scaling = keras.Model(backbone.input, backbone.get_layer("scaling").output)
    pixels = np.zeros((1, 32, 32, 3), np.float32)
    pixels[0, 0] = 255
    scaled = scaling.predict_on_batch(pixels)
    assert float(scaled.min()) == pytest.approx(low, abs=1e-6)
    assert float(scaled.max()) == pytest.approx(high, abs=1e-6)
    assert backbone.layers[1].name == "scaling"
    assert (backbone.input.name, backbone.input.dtype) == ("image", "float32")


@pytest.mark.parametrize(("name", "features"), [("efficientnet_lite0", 1280), ("enet", 128)])
@pytest.mark.parametrize("size", [32, 45])
def test_features_are_one_vector_at_the_smallest_and_at_an_odd_size(
    name: str, features: int, size: int
) -> None:
    assert tuple(build(name, size).output.shape) == (None, features)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_too_small_a_size_is_one_sentence(name: str) -> None:
    network = find_network(name)
    assert network.check_size(network.min_size) == network.min_size
    with pytest.raises(UsageError, match=f"{name} needs pictures of at least 32x32 pixels, found 31"):
        network.check_size(31)


def test_an_unknown_network_is_answered_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"expected a network of .*enet.*, found 'resnet'"):
        find_network("resnet")


def test_unknown_weights_are_answered_with_those_there_are() -> None:
    network = find_network("efficientnet_lite0")
    with pytest.raises(UsageError, match="has no weights 'coco'; expected one of: imagenet, none"):
        network.load_weights(None, "coco")


def test_no_weights_leave_the_network_as_it_is() -> None:
    assert find_network("enet").load_weights(None, "none") == "random initialisation"
    assert find_network("enet").default_weights == "none"


def test_the_layer_that_fine_tuning_begins_with_exists() -> None:
    for name, network in NETWORKS.items():
        if network.unfreeze is not None:
            assert network.unfreeze in [layer.name for layer in build(name).layers]
