"""LiteRTEngine: TFLite files through ai_edge_litert, or through its predecessor tflite_runtime."""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import DeviceError, ModelError
from edgecls.preprocess import Pixels
from edgecls.quiet import quiet_stderr
from edgecls.runtime.engine import check_batch
from edgecls.tensors import TensorSpec

PACKAGES = {"litert": "ai_edge_litert.interpreter", "tflite-runtime": "tflite_runtime.interpreter"}
DISTRIBUTIONS = {"litert": "ai-edge-litert", "tflite-runtime": "tflite-runtime"}


class LiteRTEngine:
    """One TFLite file with the XNNPACK delegate on the CPU.

    `package` names "litert" or "tflite-runtime"; None takes the first that works.
    Raises DeviceError when the package is absent or broken, ModelError when the file is no TFLite model.
    """

    arithmetic = "native"

    def __init__(self, path: Path, *, package: str | None = None, threads: int = 1) -> None:
        chosen, interpreter = _load(path, package, threads)
        self.name = f"{chosen} {_version(DISTRIBUTIONS[chosen])} XNNPACK"
        self.threads = threads
        self._interpreter = interpreter
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        if len(inputs) != 1 or len(outputs) != 1:
            raise ModelError(
                f"{path}: expected one input and one output, found {len(inputs)} and {len(outputs)}"
            )
        self._in, self._out = inputs[0]["index"], outputs[0]["index"]
        self.input, self.output = tensor_spec(inputs[0]), tensor_spec(outputs[0])

    def run(self, batch: Pixels) -> NDArray[np.float32]:
        check_batch(batch, self.input)
        rows = np.empty((len(batch), self.output.shape[-1]), np.float32)
        for row, picture in zip(rows, batch, strict=True):
            row[:] = self._one(picture)
        return rows

    def close(self) -> None:
        self._interpreter = None

    @property
    def interpreter(self) -> Any:
        """The library's own interpreter, its tensors allocated, for `edgecls inspect`."""
        return self._interpreter

    def _one(self, picture: Pixels) -> NDArray[np.float32]:
        self._interpreter.set_tensor(self._in, self.input.encode_pixels(picture[np.newaxis]))
        self._interpreter.invoke()
        return self.output.dequantize(self._interpreter.get_tensor(self._out)[0])


def _load(path: Path, package: str | None, threads: int) -> tuple[str, Any]:
    """Try the packages in order; an import alone is no proof, only a built interpreter is."""
    reasons = []
    for name in [package] if package else list(PACKAGES):
        try:
            module = importlib.import_module(PACKAGES[name])
        except (ImportError, AttributeError) as error:
            reasons.append(f"{name}: {error}")
            continue
        try:
            with quiet_stderr():
                interpreter = module.Interpreter(model_path=str(path), num_threads=threads)
                interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelError(
                f"{path}: not a TFLite model this engine can load ({str(error).strip()}); export it again"
            ) from error
        except (SystemError, AttributeError, ImportError) as error:  # tflite_runtime beside numpy 2
            reasons.append(f"{name}: {error}")
            continue
        return name, interpreter
    wanted = "'edgecls[tflite-runtime]'" if package == "tflite-runtime" else "ai-edge-litert"
    raise DeviceError(
        f"expected the engine {package or 'litert'} to work here, found: {'; '.join(reasons)}; "
        f"install it with: pip install {wanted}"
    )


def tensor_spec(details: dict[str, Any]) -> TensorSpec:
    """A tensor as `Interpreter.get_input_details` and `get_output_details` describe it."""
    scale, zero_point = details["quantization"]
    return TensorSpec(
        name=str(details["name"]),
        shape=tuple(int(side) for side in details["shape"]),
        dtype=np.dtype(details["dtype"]).name,
        scale=float(scale),
        zero_point=int(zero_point),
    )


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "unknown"
