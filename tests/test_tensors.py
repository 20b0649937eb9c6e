"""TensorSpec: numbers of a model and the real values they stand for."""

from __future__ import annotations

import numpy as np
import pytest

from edgecls.errors import ModelError
from edgecls.tensors import TensorSpec


def spec(dtype: str, scale: float = 0.0, zero_point: int = 0) -> TensorSpec:
    return TensorSpec("t", (1, 4), dtype, scale, zero_point)


def test_dequantize_follows_the_affine_rule() -> None:
    # real = scale * (q - zero_point)
    found = spec("int8", 0.5, 10).dequantize(np.array([0, 10, 11, -128], np.int8))
    assert found.dtype == np.float32
    assert found.tolist() == [-5.0, 0.0, 0.5, -69.0]


def test_a_float_tensor_holds_the_values_themselves() -> None:
    real = np.array([0.25, -3.0], np.float32)
    assert spec("float32").dequantize(real).tolist() == real.tolist()


ALL_PIXELS = np.arange(256, dtype=np.uint8).reshape(1, 8, 32)


@pytest.mark.parametrize("tensor", [spec("uint8"), spec("uint8", 1 / 128, 127)], ids=["raw", "scaled"])
def test_a_uint8_input_takes_pixels_as_they_are_whatever_its_scale(tensor: TensorSpec) -> None:
    assert tensor.encode_pixels(ALL_PIXELS) is ALL_PIXELS


@pytest.mark.parametrize(
    "tensor", [spec("int8", 1.0, -128), spec("int8", 1 / 128, -1)], ids=["raw", "scaled"]
)
def test_an_int8_input_takes_pixel_minus_128_whatever_its_scale(tensor: TensorSpec) -> None:
    encoded = tensor.encode_pixels(ALL_PIXELS)
    assert encoded.dtype == np.int8
    assert encoded.tolist() == (ALL_PIXELS.astype(int) - 128).tolist()


def test_a_float_input_takes_0_to_255() -> None:
    encoded = spec("float32").encode_pixels(ALL_PIXELS)
    assert encoded.dtype == np.float32
    assert encoded.tolist() == ALL_PIXELS.tolist()


def test_a_dtype_no_engine_knows_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match="tensor 't' has dtype int16, expected one of float32, uint8, int8"):
        spec("int16")
