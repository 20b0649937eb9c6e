"""TensorSpec: one input or output of a model, and how its numbers stand for real values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import ModelError
from edgecls.preprocess import Pixels

DTYPES = ("float32", "uint8", "int8")


@dataclass(frozen=True)
class TensorSpec:
    """Name, shape, dtype and affine quantization of a tensor.

    real = scale * (quantized - zero_point), as in the TFLite 8-bit quantization specification
    (https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec).
    A scale of 0 means that the numbers are the real values themselves.
    Raises ModelError for a dtype that no engine of edgecls feeds or reads.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float = 0.0
    zero_point: int = 0

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise ModelError(
                f"tensor '{self.name}' has dtype {self.dtype}, expected one of {', '.join(DTYPES)}; "
                "export the model again with edgecls"
            )

    @property
    def is_quantized(self) -> bool:
        return self.scale != 0.0

    def quantize(self, real: NDArray[np.float32]) -> NDArray[np.generic]:
        """Real values to this tensor's dtype: round half to even, then clamp to the dtype's range."""
        if not self.is_quantized:
            return real.astype(self.dtype)
        limits = np.iinfo(self.dtype)
        steps = np.rint(real / self.scale) + self.zero_point
        return np.asarray(np.clip(steps, limits.min, limits.max), self.dtype)

    def dequantize(self, values: NDArray[np.generic]) -> NDArray[np.float32]:
        """This tensor's numbers to real values, float32."""
        real = values.astype(np.float32)
        if not self.is_quantized:
            return real
        return np.asarray((real - self.zero_point) * np.float32(self.scale), np.float32)

    def encode_pixels(self, pixels: Pixels) -> NDArray[np.generic]:
        """uint8 pixels of any shape to what this input wants; the pixel values 0..255 are the real values."""
        if self.dtype == "uint8" and not self.is_quantized:
            return pixels
        if self.dtype == "int8" and self.scale == 1.0 and self.zero_point == -128:
            return np.bitwise_xor(pixels, np.uint8(0x80)).view(np.int8)  # x - 128, exactly
        if not self.is_quantized:
            return pixels.astype(self.dtype)
        table = self.quantize(np.arange(256, dtype=np.float32))
        return np.take(table, pixels)
