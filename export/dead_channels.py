"""Dead channels of an int8 TFLite model: one whose weights are all zero, or nearly, keeps its bias.

A bias counts in steps of the input's scale times that of its channel's weights (the TFLite 8-bit quantization
specification). litert-quantizer takes the latter from the weights alone, and where they are zero no bias fits 32 bits
any more. Such a channel gets the least scale at which its bias does; onnxruntime's quantizer does so by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from edgecls.errors import need
from edgecls.export.tflite_graph import pack_model, read_model

LARGEST = 2**30  # steps of a bias: its correction may need as many again


def fit_biases(path: Path, source: Path) -> None:
    """Widen the scales of such channels of the int8 model `path`, in place; their biases are those of `source`."""
    types = need("ai_edge_litert.schema_py_generated", "export").TensorType
    real = read_model(source)
    biases = {
        output.name: _values(real, bias, np.float32) for _, _, bias, output in _layers(real, types.FLOAT32)
    }
    model = read_model(path)
    for image, weights, bias, output in _layers(model, types.INT32):
        if output.name in biases:
            _widen(model, image, weights, bias, biases[output.name])
    path.write_bytes(pack_model(model))


def _layers(model: Any, of_bias: int) -> Iterator[tuple[Any, Any, Any, Any]]:
    """Input, weights, bias and output of each operator that has a bias of a type."""
    graph = model.subgraphs[0]
    for op in graph.operators:
        if len(op.inputs) == 3 and op.inputs[2] >= 0 and graph.tensors[op.inputs[2]].type == of_bias:
            yield tuple(graph.tensors[i] for i in (*op.inputs, op.outputs[0]))


def _widen(model: Any, image: Any, weights: Any, bias: Any, real: NDArray[np.float32]) -> None:
    step = float(image.quantization.scale[0])
    scale = np.asarray(weights.quantization.scale, np.float64)
    least = np.abs(real).astype(np.float64) / LARGEST / step
    narrow = scale < least
    if not narrow.any():
        return
    wide = np.where(narrow, least, scale)
    axis = int(weights.quantization.quantizedDimension)
    shape = [-1 if i == axis else 1 for i in range(len(weights.shape))]
    numbers = _values(model, weights, np.int8).reshape(weights.shape) * (scale / wide).reshape(shape)
    steps = np.where(narrow, np.rint(real / (wide * step)), _values(model, bias, np.int32))
    _store(model, weights, np.rint(numbers).astype(np.int8), wide)
    _store(model, bias, steps.astype(np.int32), wide * step)


def _values(model: Any, tensor: Any, dtype: DTypeLike) -> NDArray[Any]:
    return np.frombuffer(bytes(model.buffers[tensor.buffer].data), dtype)


def _store(model: Any, tensor: Any, values: NDArray[Any], scale: NDArray[np.float64]) -> None:
    """In a buffer of its own: tensors may share one."""
    buffer = need("ai_edge_litert.schema_py_generated", "export").BufferT()
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor.buffer = len(model.buffers) - 1
    tensor.quantization.scale = scale.astype(np.float32)
