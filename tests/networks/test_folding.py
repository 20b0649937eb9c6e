"""Folding: another input scaling or norm epsilon inside the weights gives what computing with theirs gives."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from edgecls.errors import ModelError
from edgecls.networks.folding import fill, fold_input, fold_norms
from edgecls.networks.scaling import CAFFE, RAW, SIGNED, TORCH, UNIT, Scaling
from edgecls.networks.table import NETWORKS

pytestmark = pytest.mark.xdist_group("networks")
SIDE = 24


def picture() -> np.ndarray:
    """A smooth picture with colours from edge to edge, as a JPEG gives it back; (1, SIDE, SIDE, 3)."""
    rng = np.random.default_rng(3)
    grown = cv2.resize(rng.integers(0, 256, (5, 5, 3), np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", grown)[1], cv2.IMREAD_COLOR), np.float32)[None]


def network(scaling: Scaling, *, bias: bool, padding: str = "valid", epsilon: float = 1e-3) -> Any:
    """Scaling, a convolution and a norm with made statistics."""
    keras = pytest.importorskip("keras", reason="needs Keras, of the train extra")
    image = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Rescaling(list(scaling.scale), list(scaling.offset), name="scaling")(image)
    x = keras.layers.Conv2D(4, 3, padding=padding, use_bias=bias, name="first")(x)
    return keras.Model(image, keras.layers.BatchNormalization(epsilon=epsilon, name="norm")(x))


def made_weights(model: Any) -> dict[str, list[np.ndarray]]:
    rng = np.random.default_rng(1)
    return {
        layer.name: [rng.uniform(0.01, 0.5, w.shape).astype(np.float32) for w in layer.weights]
        for layer in model.layers
        if layer.weights
    }


def run(model: Any, weights: dict[str, list[np.ndarray]]) -> np.ndarray:
    fill(model, weights, where="made.pth")
    return np.asarray(model.predict_on_batch(picture()))


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "norm"])
@pytest.mark.parametrize(("theirs", "ours"), [(TORCH, SIGNED), (TORCH, CAFFE), (CAFFE, UNIT), (SIGNED, RAW)])
def test_a_folded_scaling_gives_on_real_pixels_what_the_other_scaling_gives(
    theirs: Scaling, ours: Scaling, bias: bool
) -> None:
    there, here = network(theirs, bias=bias), network(ours, bias=bias)
    weights = made_weights(there)
    expected = run(there, weights)
    assert not np.allclose(run(here, weights), expected, atol=0.1)
    fold_input(here, weights, theirs=theirs, ours=ours)
    np.testing.assert_allclose(run(here, weights), expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


def test_a_folded_scaling_is_exact_inside_and_an_approximation_at_the_padded_border() -> None:
    there, here = (network(s, bias=True, padding="same") for s in (TORCH, SIGNED))
    weights = made_weights(there)
    expected = run(there, weights)
    fold_input(here, weights, theirs=TORCH, ours=SIGNED)
    difference = np.abs(run(here, weights) - expected)
    assert difference[:, 1:-1, 1:-1].max() < 1e-3
    assert difference[:, 0].max() > 1e-2


def test_the_same_scaling_changes_no_weight() -> None:
    model = network(TORCH, bias=True)
    weights = made_weights(model)
    kernel = weights["first"][0]
    fold_input(model, weights, theirs=TORCH, ours=TORCH)
    assert weights["first"][0] is kernel


def test_a_folded_epsilon_gives_what_the_other_epsilon_gives() -> None:
    there, here = (network(TORCH, bias=False, epsilon=epsilon) for epsilon in (1e-5, 1e-3))
    weights = made_weights(there)
    weights["norm"][3] = np.array([1e-6, 1e-4, 1e-2, 1], np.float32)  # where an epsilon counts, and where not
    expected = run(there, weights)
    assert not np.allclose(run(here, weights), expected, rtol=0.1)
    fold_norms(here, weights, 1e-5)
    np.testing.assert_allclose(run(here, weights), expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_a_first_layer_that_cannot_take_a_scaling_is_named() -> None:
    keras = pytest.importorskip("keras", reason="needs Keras, of the train extra")
    image = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.DepthwiseConv2D(3, name="each_channel")(image)
    model = keras.Model(image, keras.layers.Conv2D(2, 1, name="mix")(x))
    with pytest.raises(ModelError, match=r"expected a convolution .* found each_channel"):
        fold_input(model, made_weights(model), theirs=TORCH, ours=SIGNED)


def test_a_norm_without_gamma_takes_a_scaling_too() -> None:
    keras = pytest.importorskip("keras", reason="needs Keras, of the train extra")
    models = []
    for scaling in (UNIT, SIGNED):
        image = keras.Input((SIDE, SIDE, 3))
        x = keras.layers.Rescaling(list(scaling.scale), list(scaling.offset))(image)
        x = keras.layers.Conv2D(4, 3, use_bias=False, name="first")(x)
        models.append(keras.Model(image, keras.layers.BatchNormalization(scale=False, name="norm")(x)))
    there, here = models
    weights = made_weights(there)
    expected = run(there, weights)
    fold_input(here, weights, theirs=UNIT, ours=SIGNED)
    np.testing.assert_allclose(run(here, weights), expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("name", "side", "first"), [("enet", 64, "initial_conv"), ("lenet", 32, "conv1")], ids=["pooled", "grey"]
)
def test_a_network_whose_beginning_cannot_take_a_scaling_is_refused(name: str, side: int, first: str) -> None:
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    model = NETWORKS[name].build(side)
    weights = made_weights(model)
    with pytest.raises(
        ModelError, match=rf"^{name}: expected a convolution of red, green .* found {first}; use"
    ):
        fold_input(model, weights, theirs=CAFFE, ours=NETWORKS[name].scaling)
