"""The maps after each layer: which layers are shown when nobody names any, what they hold, which channels win."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from edgecls.errors import UsageError
from edgecls.evaluation.activations import choose_layers, layer_maps, strongest, usual_layers
from edgecls.networks.table import NETWORKS
from edgecls.preprocess import Pixels
from edgecls.training.backend import in_float32
from edgecls.training.classifier import build_head, join, vectorize

keras = pytest.importorskip("keras", reason="needs Keras, of the train extra")
pytestmark = pytest.mark.xdist_group("training")

Classifier = Callable[..., Any]


def with_shortcut() -> Any:
    """Padding and a convolution, then three around which a shortcut leads."""
    layers = keras.layers
    image = keras.Input((16, 16, 3), name="image")
    x = layers.Conv2D(8, 3, strides=2, name="stem")(layers.ZeroPadding2D(name="pad")(image))
    short = x
    x = layers.Conv2D(24, 1, name="expand")(x)
    x = layers.Conv2D(24, 3, padding="same", name="middle")(x)
    x = layers.Conv2D(8, 1, name="project")(x)
    x = layers.Add(name="add")([short, x])
    return keras.Model(image, layers.Conv2D(10, 3, name="top")(x))


def deep() -> Any:
    """Thirty convolutions, each with one more channel."""
    image = x = keras.Input((4, 4, 3), name="image")
    for i in range(30):
        x = keras.layers.Conv2D(4 + i, 1, name=f"conv{i}")(x)
    return keras.Model(image, x)


def test_the_scaling_and_the_last_layer_of_each_shape_are_shown(classifier: Classifier) -> None:
    assert choose_layers(classifier(), None) == ("scaling", "first_relu6", "second_relu6")


def test_layers_beside_a_shortcut_and_padding_are_passed_over() -> None:
    assert usual_layers(with_shortcut()) == ("add", "top")


def test_of_many_layers_so_many_are_shown_evenly_and_the_last_always() -> None:
    chosen = usual_layers(deep(), 8)
    places = [int(name.removeprefix("conv")) for name in chosen]
    assert (len(places), places[0], places[-1]) == (8, 0, 29)
    assert {b - a for a, b in pairwise(places)} == {4, 5}


def test_named_layers_are_shown_in_that_order_and_once(classifier: Classifier) -> None:
    chosen = choose_layers(classifier(), ["second_conv", "first_bn", "second_conv"])
    assert chosen == ("second_conv", "first_bn")


@pytest.mark.parametrize("name", ["third_conv", "features", "probabilities", "image"])
def test_a_layer_without_a_map_is_wrong_use_and_the_others_are_named(
    classifier: Classifier, name: str
) -> None:
    with pytest.raises(
        UsageError, match=f"found '{name}'; there are: scaling, first_conv, first_bn, .*relu6$"
    ):
        choose_layers(classifier(), ["first_conv", name])


def test_no_name_at_all_is_wrong_use(classifier: Classifier) -> None:
    with pytest.raises(UsageError, match="--layers: expected names with commas, found none"):
        choose_layers(classifier(), [])


def test_maps_and_probabilities_are_those_of_the_model(classifier: Classifier, pixels: Pixels) -> None:
    model = classifier()
    (last, first), scores = layer_maps(keras, model, pixels, layers=["second_relu6", "scaling"])
    assert (first.layer, first.values.shape, str(first.values.dtype)) == ("scaling", (32, 32, 3), "float32")
    assert np.allclose(first.values, pixels / 127.5 - 1, atol=1e-6)
    assert (last.layer, last.values.shape) == ("second_relu6", (8, 8, 12))
    assert np.allclose(scores, model.predict(pixels[None].astype(np.float32), verbose=0)[0], atol=1e-6)


def test_the_strongest_channels_are_those_that_vary_most() -> None:
    wave = np.indices((6, 6)).sum(axis=0) % 2
    values = np.stack([wave * 0 + 50, wave * 3, wave * -9, wave * 1], axis=-1).astype(np.float32)
    assert strongest(values, 3).tolist() == [2, 1, 3]
    assert strongest(values, 99).tolist() == [2, 1, 3, 0]


def test_of_a_map_of_one_pixel_the_greatest_are_the_strongest() -> None:
    assert strongest(np.array([[[1, -7, 3]]], np.float32), 2).tolist() == [1, 2]


@pytest.mark.parametrize(("name", "operation"), [("lenet", "sum"), ("enet", "pad")])
def test_operations_without_a_layer_are_passed_and_can_be_shown(
    pixels: Pixels, name: str, operation: str
) -> None:
    vectors = vectorize(keras, NETWORKS[name].build(32), "pool")
    head = build_head(keras, vectors.output.shape[1], 3, hidden=(), dropout=0.2)
    model = in_float32(keras, join(keras, vectors, head))
    usual = choose_layers(model, None)
    assert usual[-1] == {"lenet": "pool2", "enet": "stage2_8_relu"}[name]
    maps, _ = layer_maps(keras, model, pixels, layers=[*usual, *choose_layers(model, [operation])])
    assert [found.layer for found in maps] == [*usual, operation]
    assert all(found.values.ndim == 3 for found in maps)
