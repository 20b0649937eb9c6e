"""TensorSpec: numbers of a model and the real values they stand for."""

from __future__ import annotations

import numpy as np
import pytest

from edgecls.errors import ModelError
from edgecls.tensors import TensorSpec


def spec(dtype: str, scale: float = 0.0, zero_point: int = 0) -> TensorSpec:
    return TensorSpec("t", (1, 4), dtype, scale, zero_point)


def test_quantize_follows_the_affine_rule() -> None:
    # real = scale * (q - zero_point)
    found = spec("int8", 0.5, 10).quantize(np.array([-5.0, 0.0, 0.5, 40.0], np.float32))
    assert found.dtype == np.int8
    assert found.tolist() == [0, 10, 11, 90]


def test_quantize_rounds_half_to_even() -> None:
    found = spec("int8", 1.0).quantize(np.array([0.5, 1.5, 2.5, -0.5], np.float32))
    assert found.tolist() == [0, 2, 2, 0]


@pytest.mark.parametrize(("dtype", "low", "high"), [("int8", -128, 127), ("uint8", 0, 255)])
def test_quantize_clamps_to_the_dtype(dtype: str, low: int, high: int) -> None:
    found = spec(dtype, 0.1).quantize(np.array([-1e6, 1e6], np.float32))
    assert found.tolist() == [low, high]


@pytest.mark.parametrize(("dtype", "zero_point"), [("int8", -128), ("uint8", 0), ("int8", 3)])
def test_dequantize_undoes_quantize_within_half_a_step(dtype: str, zero_point: int) -> None:
    tensor = spec(dtype, 1 / 256, zero_point)
    low = (np.iinfo(dtype).min - zero_point) / 256
    real = np.linspace(low, low + 255 / 256, 999, dtype=np.float32)
    again = tensor.dequantize(tensor.quantize(real))
    assert again.dtype == np.float32
    assert np.abs(again - real).max() <= 0.5 / 256 + 1e-6


def test_a_float_tensor_holds_the_values_themselves() -> None:
    real = np.array([0.25, -3.0], np.float32)
    assert spec("float32").dequantize(spec("float32").quantize(real)).tolist() == real.tolist()


ALL_PIXELS = np.arange(256, dtype=np.uint8)


@pytest.mark.parametrize(
    "tensor",
    [
        spec("float32"),
        spec("uint8"),
        spec("uint8", 1.0, 0),
        spec("int8", 1.0, -128),
        spec("int8", 255 / 254, -127),
        spec("uint8", 2.0, 5),
    ],
    ids=["float", "raw uint8", "uint8", "pixel minus 128", "int8 of another scale", "coarse uint8"],
)
def test_encoded_pixels_stand_for_0_to_255(tensor: TensorSpec) -> None:
    encoded = tensor.encode_pixels(ALL_PIXELS)
    assert encoded.dtype == np.dtype(tensor.dtype)
    error = np.abs(tensor.dequantize(encoded) - ALL_PIXELS)
    assert error.max() <= max(tensor.scale / 2, 1e-6)


def test_the_fast_way_to_int8_gives_what_the_rule_gives() -> None:
    tensor = spec("int8", 1.0, -128)
    by_rule = tensor.quantize(ALL_PIXELS.astype(np.float32))
    assert tensor.encode_pixels(ALL_PIXELS).tolist() == by_rule.tolist()


def test_encoding_keeps_the_shape() -> None:
    pixels = np.zeros((1, 5, 7, 3), np.uint8)
    for tensor in (spec("int8", 1.0, -128), spec("int8", 0.5, 3), spec("float32"), spec("uint8")):
        assert tensor.encode_pixels(pixels).shape == (1, 5, 7, 3)


def test_a_dtype_no_engine_knows_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match="tensor 't' has dtype int16, expected one of float32, uint8, int8"):
        spec("int16")
