"""OnnxEngine: ONNX files through ONNX Runtime on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import ModelError, need
from edgecls.preprocess import Pixels
from edgecls.runtime.engine import check_batch
from edgecls.tensors import TensorSpec

_DTYPES = {"tensor(float)": "float32", "tensor(uint8)": "uint8", "tensor(int8)": "int8"}


class OnnxEngine:
    """One ONNX file on ONNX Runtime's CPU provider.

    `arithmetic="exact"` switches the graph optimisations off, so that QDQ models are computed in float
    between their rounding steps and no int8 kernel can saturate: slow, and the same on every machine.
    Raises MissingDependencyError without onnxruntime, ModelError when the file is no ONNX model.
    """

    def __init__(self, path: Path, *, threads: int = 1, arithmetic: str = "native") -> None:
        ort = need("onnxruntime", "onnx")
        options = session_options(threads=threads, arithmetic=arithmetic)
        try:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises classes of its own, one for each status code
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ModelError(
                f"{path}: not an ONNX model this engine can load ({reason}); export it again"
            ) from error
        provider = self._session.get_providers()[0].removesuffix("ExecutionProvider")
        self.name = f"onnxruntime {ort.__version__} {provider}" + (" exact" if arithmetic == "exact" else "")
        self.threads = threads
        self.arithmetic = arithmetic
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1:
            raise ModelError(
                f"{path}: expected one input and one output, found {len(inputs)} and {len(outputs)}"
            )
        self.input, self.output = tensor_spec(inputs[0]), tensor_spec(outputs[0])

    def run(self, batch: Pixels) -> NDArray[np.float32]:
        check_batch(batch, self.input)
        rows = np.empty((len(batch), self.output.shape[-1]), np.float32)
        for row, picture in zip(rows, batch, strict=True):
            row[:] = self._one(picture)
        return rows

    def close(self) -> None:
        self._session = None

    @property
    def session(self) -> Any:
        """The library's own session."""
        return self._session

    def _one(self, picture: Pixels) -> NDArray[np.float32]:
        feed = {self.input.name: self.input.encode_pixels(picture[np.newaxis])}
        return np.asarray(self._session.run(None, feed)[0][0], np.float32)


def session_options(*, threads: int, arithmetic: str) -> Any:
    """Quiet ONNX Runtime options for that arithmetic, "native" or "exact"."""
    ort = need("onnxruntime", "onnx")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if arithmetic == "exact":
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return options


def tensor_spec(node: Any) -> TensorSpec:
    """A tensor as `InferenceSession.get_inputs` and `get_outputs` describe it."""
    shape = tuple(side if isinstance(side, int) else 1 for side in node.shape)
    return TensorSpec(name=node.name, shape=shape, dtype=_DTYPES.get(node.type, node.type))
