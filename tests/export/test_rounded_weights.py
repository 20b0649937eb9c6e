"""Rounded weights find their constants in the float files, whatever a converter folded into these."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.calibration.ranges import find_ranges
from edgecls.export.activations_onnx import OnnxActivations
from edgecls.export.activations_tflite import TfliteActivations
from edgecls.export.candidates import make_float
from edgecls.export.int8_onnx import quantize_onnx
from edgecls.export.int8_tflite import quantize_tflite
from edgecls.export.rounded_weights import ROUNDED, RoundedLayer, rounded_of, rounded_table
from edgecls.export.tflite_graph import layers_with_bias, read_constant, read_model

pytestmark = pytest.mark.xdist_group("export")

RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.integers(0, 256, (8, 16, 16, 3), np.uint8)


def layer(outputs: int = 5, inputs: int = 27) -> RoundedLayer:
    before = RANDOM.normal(size=(outputs, inputs)).astype(np.float32)
    return RoundedLayer(before, before + np.float32(0.01))


def test_weights_are_known_by_factors_of_either_sign() -> None:
    others, it = [layer() for _ in range(3)], layer()
    factors = np.array([2.0, -0.5, 1e-4, 0.0, -30.0], np.float32)[:, None]
    found = rounded_table(factors * it.before, [*others, layer(5, 9), it])
    assert found is not None
    np.testing.assert_allclose(found, factors * it.after, rtol=1e-5)


def test_weights_that_are_no_layers_have_none() -> None:
    it = layer()
    assert rounded_table(layer().before, [it]) is None
    nearly = it.before.copy()
    nearly[4, 3] += 0.1
    assert rounded_table(nearly, [it]) is None, "an output behind the first few differs"


def test_of_layers_with_the_same_weights_each_is_taken_once() -> None:
    first = layer()
    second = RoundedLayer(first.before, first.before - 0.01)
    layers = [first, second]
    for expected in (first, second, first):
        found = rounded_table(first.before, layers)
        assert found is not None
        np.testing.assert_allclose(found, expected.after, rtol=1e-5)


@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_every_layer_of_a_network_is_found_and_taken(floats: dict[str, Path], format: str) -> None:
    """As whole steps, none far from the weight that the quantizer rounds to nearest."""
    origin = floats[format]
    rounded = rounded_of(origin, origin.with_name(ROUNDED))
    assert len(rounded) == 6, sorted(rounded)
    opened, quantize = (
        (TfliteActivations, quantize_tflite) if format == "tflite" else (OnnxActivations, quantize_onnx)
    )
    ranges = find_ranges(opened(origin, threads=1).walk, PICTURES).by_name
    nearest, taken = (origin.with_name(f"{name}.{format}") for name in ("nearest", "taken"))
    options = {"threads": 1} if format == "tflite" else {"reduce_range": False}
    quantize(origin, nearest, ranges, PICTURES[:1], **options)
    quantize(origin, taken, ranges, PICTURES[:1], rounded=rounded, **options)
    off = [a.astype(int) - b for a, b in zip(*map(int8_constants, (nearest, taken)), strict=True)]
    assert len(off) == 6
    for one in off:
        assert 1 <= np.abs(one).max() <= 6, "moved, by few steps: each weight is at its own place"


def int8_constants(path: Path) -> list[Any]:
    """Weights of an int8 model, in its order."""
    if path.suffix == ".tflite":
        model = read_model(path)
        return [read_constant(model, layer.weights, np.int8) for layer in layers_with_bias(model)]
    onnx = pytest.importorskip("onnx")
    values = [onnx.numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer]
    return [one.ravel() for one in values if one.dtype == np.int8 and one.ndim > 1]


@pytest.fixture(scope="module")
def floats(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The network's float files by format."""
    keras = pytest.importorskip("keras", reason="needs the train extra")
    for module in ("litert_quantizer", "tf2onnx"):
        pytest.importorskip(module, reason="needs the export and onnx extras")
    folder = tmp_path_factory.mktemp("floats")
    network(keras).save(folder / "model.keras")
    made = make_float(
        folder / "model.keras",
        folder,
        ("tflite", "onnx"),
        photos=PICTURES,
        for_int8=True,
        announce=lambda _: lambda done, total: None,
    )
    return {one.format: one.path for one in made}


def network(keras: Any) -> Any:
    """Each kind of layer that is rounded; behind two a normalisation whose factors are not all positive."""
    keras.utils.set_random_seed(0)
    kinds = keras.layers
    image = keras.Input((16, 16, 3), name="image")
    x = kinds.Conv2D(8, 3, padding="same", use_bias=False)(kinds.Rescaling(1 / 255)(image))
    x = kinds.ReLU()(normalised(keras, x))
    x = kinds.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    x = kinds.ReLU()(normalised(keras, x))
    x = kinds.ReLU()(kinds.Conv2D(8, 3, dilation_rate=2, padding="same", bias_initializer="random_normal")(x))
    one = kinds.Conv2D(1, 3, padding="same", bias_initializer="random_normal")(x)
    x = kinds.Conv2D(6, 1, bias_initializer="random_normal")(x)
    x = kinds.GlobalAveragePooling2D()(kinds.Multiply()([x, one]))
    return keras.Model(image, kinds.Softmax()(kinds.Dense(4, bias_initializer="random_normal")(x)))


def normalised(keras: Any, x: Any) -> Any:
    """With learnt factors of either sign."""
    norm = keras.layers.BatchNormalization()
    x = norm(x)
    drawn = [RANDOM.normal(size=x.shape[-1]) for _ in range(3)]
    norm.set_weights([*drawn, RANDOM.uniform(0.5, 2, x.shape[-1])])
    return x
