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

    def dequantize(self, values: NDArray[np.generic]) -> NDArray[np.float32]:
        """This tensor's numbers to real values, float32."""
        real = values.astype(np.float32, copy=False)
        if not self.is_quantized:
            return real
        return np.asarray((real - self.zero_point) * np.float32(self.scale), np.float32)

    def encode_pixels(self, pixels: Pixels) -> NDArray[np.generic]:
        """uint8 pixels of any shape as this input takes them: as they are, less 128 as int8, or as float 0..255.

        Scale and zero point say what the network makes of them and change nothing here.
        """
        if self.dtype == "uint8":
            return pixels
        if self.dtype == "int8":
            return np.bitwise_xor(pixels, np.uint8(0x80)).view(np.int8)  # x - 128, exactly
        return pixels.astype(np.float32)
