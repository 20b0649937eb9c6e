"""Engine: what turns a batch of raw pixels into probabilities, and how one is opened by name."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import ModelError, UsageError
from edgecls.preprocess import Pixels
from edgecls.tensors import TensorSpec

ENGINES = {"litert": "tflite", "tflite-runtime": "tflite", "onnxruntime": "onnx", "null": "any"}


class Engine(Protocol):
    """Runs one model file.

    `name` says what really runs, e.g. "litert 2.3.0 XNNPACK". `arithmetic` is "native" or "exact".
    """

    name: str
    threads: int
    arithmetic: str
    input: TensorSpec
    output: TensorSpec

    def run(self, batch: Pixels) -> NDArray[np.float32]:
        """Raw uint8 RGB, (n, h, w, 3), to probabilities, float32, (n, classes). Any n; one by one inside.

        Raises ModelError when the picture's shape is not the model's.
        """
        ...

    def close(self) -> None:
        """Free the model. The engine must not be used afterwards."""
        ...


def open_engine(
    path: Path, *, engine: str | None = None, threads: int = 1, arithmetic: str = "native"
) -> Engine:
    """Open a .tflite or .onnx file with the engine asked for, or the usual one of its format.

    `arithmetic="exact"` asks for sums that cannot saturate, where the engine tells the two apart.
    Raises UsageError for an unknown engine or one of the other format, DeviceError or
    MissingDependencyError when the engine is not installed, ModelError when the file cannot be loaded.
    """
    if threads < 1:
        raise UsageError(f"threads must be at least 1, found {threads}")
    format = path.suffix.lstrip(".")
    if format not in ("tflite", "onnx"):
        raise ModelError(f"{path}: expected a .tflite or .onnx file; choose one from a bundle")
    if not path.is_file():
        raise ModelError(f"{path}: expected a model file, found nothing there; check the path")
    if engine is not None and engine not in ENGINES:
        raise UsageError(f"expected an engine of {', '.join(ENGINES)}, found '{engine}'")
    if engine is not None and ENGINES[engine] not in (format, "any"):
        raise UsageError(
            f"engine '{engine}' runs .{ENGINES[engine]} files, found {path.name}; choose another"
        )
    if engine == "null":
        from edgecls.runtime.null import NullEngine

        return NullEngine.like(path)
    if format == "tflite":
        from edgecls.runtime.litert import LiteRTEngine

        return LiteRTEngine(path, package=engine, threads=threads)
    from edgecls.runtime.onnx import OnnxEngine

    return OnnxEngine(path, threads=threads, arithmetic=arithmetic)


def check_batch(batch: Pixels, spec: TensorSpec) -> None:
    """Raise ModelError unless `batch` is uint8 of the model's picture shape."""
    if batch.dtype != np.uint8 or batch.ndim != 4 or batch.shape[1:] != spec.shape[1:]:
        expected = ", ".join(str(side) for side in spec.shape[1:])
        raise ModelError(
            f"the model expects uint8 pictures of shape ({expected}), found {batch.dtype} {batch.shape[1:]}; "
            "use the Preprocess of the same bundle"
        )
