"""Adaptive rounding: whole steps of int8, of which a layer's outputs change less than by rounding each to nearest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgecls.errors import ModelError
from edgecls.export.input_moments import samples_of, shrunk
from edgecls.export.rounded_weights import LEVELS
from edgecls.export.rounding import gptq, round_weights

pytestmark = pytest.mark.xdist_group("export")

Layer = Callable[[Any], Any]


def drawn(inputs: int, outputs: int) -> tuple[Any, Any, Any]:
    """Weights, steps and the second moments of inputs that go along with each other, as behind a ReLU."""
    random = np.random.default_rng(0)
    weights = random.normal(size=(1, outputs, inputs))
    samples = np.maximum(random.normal(size=(4000, 4)) @ random.normal(size=(4, inputs)), 0)
    return weights, np.abs(weights).max(axis=2) / LEVELS, (samples.T @ samples)[None]


def error(weights: Any, rounded: Any, moments: Any) -> float:
    """Squared change of the outputs."""
    off = rounded - weights
    return float((off @ moments * off).sum())


def nearest(weights: Any, step: Any) -> Any:
    return np.rint(weights / step[..., None]) * step[..., None]


@pytest.mark.parametrize("inputs", [9, 300], ids=["less than a block", "more than two blocks"])
def test_outputs_change_far_less_than_by_rounding_to_nearest(inputs: int) -> None:
    weights, step, moments = drawn(inputs, 5)
    rounded = gptq(weights.copy(), step, moments)
    steps = rounded / step[..., None]
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-9)
    assert np.abs(steps).max() <= LEVELS + 1e-9
    assert np.abs(rounded - weights).max() < 0.1 * np.abs(weights).max(), (
        "the same weights, but for their rounding"
    )
    assert error(weights, rounded, moments) < 0.5 * error(weights, nearest(weights, step), moments)


def test_inputs_that_have_nothing_in_common_leave_rounding_to_nearest() -> None:
    weights, step, _ = drawn(20, 3)
    moments = np.diag(np.random.default_rng(1).uniform(1, 9, 20))[None]
    np.testing.assert_allclose(gptq(weights.copy(), step, moments), nearest(weights, step), atol=1e-12)


def test_dead_inputs_and_dead_channels_are_no_trouble() -> None:
    weights, step, moments = drawn(20, 3)
    weights[0, 1], step[0, 1] = 0.0, 0.0
    moments[:, 4] = moments[:, :, 4] = 0.0
    rounded = gptq(weights.copy(), step, moments)
    assert np.isfinite(rounded).all()
    assert (rounded[0, 1] == 0).all()
    np.testing.assert_allclose(rounded[0, 0, 4], nearest(weights, step)[0, 0, 4])
    assert np.isfinite(gptq(weights.copy(), step, np.zeros_like(moments))).all()


@pytest.fixture
def keras() -> Any:
    return pytest.importorskip("keras", reason="needs the train extra")


PICTURES = np.random.default_rng(3).integers(0, 256, (8, 12, 12, 3), np.uint8)


def network(keras: Any, make: Callable[[Any], Any]) -> Any:
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(6, 3, padding="same", activation="relu")(keras.layers.Rescaling(1 / 255)(image))
    return keras.Model(image, make(x))


def layers(keras: Any) -> dict[str, Layer]:
    kinds = keras.layers
    return {
        "valid": lambda x: kinds.Conv2D(4, 3, name="it")(x),
        "strided": lambda x: kinds.Conv2D(4, 2, strides=2, name="it")(x),
        "strided, padded": lambda x: kinds.Conv2D(4, 3, strides=2, padding="same", name="it")(x),
        "dilated": lambda x: kinds.Conv2D(4, 3, dilation_rate=2, name="it")(x),
        "pointwise": lambda x: kinds.Conv2D(4, 1, name="it")(x),
        "depthwise": lambda x: kinds.DepthwiseConv2D(3, name="it")(x),
        "dense": lambda x: kinds.Dense(4, name="it")(kinds.GlobalAveragePooling2D()(x)),
    }


@pytest.mark.parametrize(
    "kind", ["valid", "strided", "strided, padded", "dilated", "pointwise", "depthwise", "dense"]
)
def test_samples_are_what_a_layer_multiplies(keras: Any, kind: str) -> None:
    """Products of them and the weights are the layer's outputs, up to the order of positions."""
    model = network(keras, layers(keras)[kind])
    layer = model.get_layer("it")
    inputs, outputs = keras.Model(model.input, [layer.input, layer.output])(PICTURES.astype(np.float32))
    kernel = layer.get_weights()[0]
    rows = (
        kernel.reshape(-1, 1, kernel.shape[2]).T
        if kind == "depthwise"
        else kernel.reshape(1, -1, kernel.shape[-1])
    )
    samples = samples_of(layer, np.asarray(inputs))
    found = samples @ (rows.swapaxes(1, 2) if kind == "depthwise" else rows)
    found = found[:, :, 0].T if kind == "depthwise" else found[0]
    if kind == "depthwise":  # every second position of 10
        outputs = outputs[:, ::2, ::2]
    np.testing.assert_allclose(found, np.asarray(outputs).reshape(found.shape), atol=1e-5)


def test_few_samples_shrink_to_inputs_with_nothing_in_common() -> None:
    random = np.random.default_rng(2)
    mixed = random.normal(size=(3, 40))

    def shrink(count: int) -> Any:
        samples = random.normal(size=(count, 3)) @ mixed + 0.1 * random.normal(size=(count, 40))
        moments = (samples.T @ samples / count)[None]
        return moments[0], shrunk(moments, count)[0]

    few, less = shrink(5)
    many, same = shrink(5000)
    off = ~np.eye(40, dtype=bool)
    assert np.abs(less[off]).sum() < 0.9 * np.abs(few[off]).sum()
    assert np.trace(less) == pytest.approx(np.trace(few))
    np.testing.assert_allclose(same, many, atol=0.01 * np.abs(many).max())


@pytest.mark.parametrize("kind", ["valid", "depthwise", "dense"])
def test_every_layer_of_a_network_is_rounded(keras: Any, kind: str) -> None:
    model = network(keras, layers(keras)[kind])
    kernels = [layer.get_weights()[0] for layer in model.layers if layer.get_weights()]
    rounded = round_weights(keras, model, PICTURES)
    for kernel, one in zip(kernels, rounded, strict=True):
        depthwise = kernel.shape[-1] == 1
        by_output = kernel.reshape(-1, kernel.shape[-2 if depthwise else -1]).T
        np.testing.assert_array_equal(one.before, by_output)
        step = np.abs(by_output).max(axis=1, keepdims=True) / LEVELS
        np.testing.assert_allclose(one.after / step, np.rint(one.after / step), atol=1e-3)
        assert not np.array_equal(one.before, one.after)


def test_inputs_that_are_no_numbers_are_named_by_their_layer(keras: Any) -> None:
    model = network(keras, layers(keras)["pointwise"])
    first = next(layer for layer in model.layers if layer.get_weights())
    first.set_weights([np.full_like(weights, 1e38) for weights in first.get_weights()])
    with pytest.raises(ModelError, match=r"layer 'it': expected inputs that are numbers, .* --no-int8"):
        round_weights(keras, model, PICTURES)
