"""Rounded weights find their constants in the float files, whatever a converter folded into these."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.export.candidates import make_float
from edgecls.export.rounded_weights import ROUNDED, RoundedLayer, rounded_of, rounded_table

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


def test_every_layer_of_a_network_is_found_in_both_formats(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras", reason="needs the train extra")
    for module in ("litert_quantizer", "tf2onnx"):
        pytest.importorskip(module, reason="needs the export and onnx extras")
    model = network(keras)
    model.save(tmp_path / "model.keras")
    floats = make_float(
        tmp_path / "model.keras",
        tmp_path,
        ("tflite", "onnx"),
        photos=PICTURES,
        for_int8=True,
        announce=lambda *_: lambda *_: None,
    )
    for one in floats:
        rounded = rounded_of(one.path, tmp_path / ROUNDED)
        assert len(rounded) == 5, f"{one.format}: {sorted(rounded)}"


def network(keras: Any) -> Any:
    """Each kind of layer that is rounded; behind two a normalisation whose factors are not all positive."""
    keras.utils.set_random_seed(0)
    kinds = keras.layers
    image = keras.Input((16, 16, 3), name="image")
    x = kinds.Conv2D(8, 3, padding="same", use_bias=False)(kinds.Rescaling(1 / 255)(image))
    x = kinds.ReLU()(normalised(keras, x))
    x = kinds.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    x = kinds.ReLU()(normalised(keras, x))
    x = kinds.ReLU()(kinds.Conv2D(8, 3, dilation_rate=2, padding="same")(x))
    x = kinds.Conv2D(6, 1)(x)
    x = kinds.Dense(4, bias_initializer="random_normal")(kinds.GlobalAveragePooling2D()(x))
    return keras.Model(image, kinds.Softmax()(x))


def normalised(keras: Any, x: Any) -> Any:
    norm = keras.layers.BatchNormalization()
    x = norm(x)
    size = x.shape[-1]
    norm.set_weights([
        RANDOM.normal(size=size),
        RANDOM.normal(size=size),
        RANDOM.normal(size=size),
        RANDOM.uniform(0.5, 2, size),
    ])  # fmt: skip
    return x
