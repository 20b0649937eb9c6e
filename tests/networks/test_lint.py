"""Lint: what int8 will notice, by architecture and by trained weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgecls.networks.cost import cost_of
from edgecls.networks.lint import DEVIATIONS, WIDE, Finding, lint_cost, lint_weights

CHANNELS = 8


@pytest.fixture
def model() -> Any:
    """A convolution with batch normalisation, a depthwise one, a dense layer: healthy."""
    keras = pytest.importorskip("keras", reason="needs Keras, of the train extra")
    image = x = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(CHANNELS, 3, use_bias=False, name="conv")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.ReLU(6.0)(x)
    x = keras.layers.DepthwiseConv2D(3, name="depthwise")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, keras.layers.Dense(3, name="dense")(x))


def change(model: Any, layer: str, index: int, at: Any, value: float) -> None:
    """Set numbers of one of a layer's weights."""
    weights = model.get_layer(layer).get_weights()
    weights[index][at] = value
    model.get_layer(layer).set_weights(weights)


def found(findings: tuple[Finding, ...]) -> list[tuple[str, str, int, str]]:
    return [(one.severity, one.what, one.layers, one.where) for one in findings]


def test_healthy_weights_have_no_finding(model: Any) -> None:
    assert lint_weights(model) == ()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_weight_that_is_no_number_is_an_error_that_names_its_layer(model: Any, value: float) -> None:
    change(model, "dense", 0, (0, 0), value)
    assert found(lint_weights(model)) == [("error", "weights that are NaN or infinite", 1, "dense")]


@pytest.mark.parametrize(("layer", "at"), [("conv", np.s_[..., 2]), ("depthwise", np.s_[..., 5, 0])])
def test_a_channel_whose_weights_are_all_zero_is_dead(model: Any, layer: str, at: Any) -> None:
    change(model, layer, 0, at, 0.0)
    assert found(lint_weights(model)) == [("warning", "dead channels", 1, layer)]


def test_one_channel_far_wider_than_the_others_is_a_finding(model: Any) -> None:
    change(model, "norm", 0, 3, 0.9 * WIDE)
    assert lint_weights(model) == ()
    change(model, "norm", 0, 3, 1.1 * WIDE)
    assert found(lint_weights(model)) == [("warning", "channels of very different range", 1, "norm")]


def test_a_channel_far_from_zero_reaches_as_far_as_a_wide_one(model: Any) -> None:
    change(model, "norm", 1, 3, 1.1 * DEVIATIONS * WIDE)
    assert [one.where for one in lint_weights(model)] == ["norm"]


def test_the_architecture_tells_without_weights(model: Any) -> None:
    assert found(lint_cost(cost_of(model))) == [("note", "depthwise", 1, "")]


def test_what_int8_does_badly_is_a_warning_with_advice() -> None:
    keras = pytest.importorskip("keras", reason="needs Keras, of the train extra")
    image = x = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, activation="silu")(x)
    x = keras.layers.PReLU(shared_axes=[1, 2])(x)
    squeezed = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = keras.layers.Multiply()([x, keras.layers.Conv2D(4, 1, activation="sigmoid")(squeezed)])
    findings = lint_cost(cost_of(keras.Model(image, keras.layers.BatchNormalization()(x))))
    kinds = {one.what for one in findings if one.severity == "warning"}
    assert kinds == {"PReLU", "swish", "squeeze-and-excite", "unfused batch norm"}
    assert all(one.advice for one in findings)
