"""Weights rounded by `export/rounding.py` into an int8 file, whose scales stay as its quantizer chose them.

They come in a second conversion of the network, `rounded`, with the graph of the float file it was quantized from.
Operators that were left in float keep the weights they have.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import need
from edgecls.export.rounding import LEVELS
from edgecls.export.tflite_graph import layers_with_bias, read_constant, store_constant


def take_tflite(model: Any, rounded: Any) -> None:
    """Into the int8 model, in place. Both are objects of the schema."""
    types = need("ai_edge_litert.schema_py_generated", "export").TensorType
    found = {output.name: weights for _, weights, _, output in layers_with_bias(rounded, types.FLOAT32)}
    for _, weights, _, output in layers_with_bias(model, types.INT32):
        if output.name in found:
            values = read_constant(rounded, found[output.name], np.float32).reshape(weights.shape)
            scale, axis = weights.quantization.scale, int(weights.quantization.quantizedDimension)
            store_constant(model, weights, _steps(values, np.asarray(scale), axis))


def take_onnx(graph: Any, source: Any, rounded: Any) -> None:
    """Into the int8 QDQ graph, in place; `source` is the float graph it was quantized from."""
    helper = need("onnx", "export").numpy_helper
    suffix = need("onnxruntime.quantization.quant_utils", "export").TENSOR_NAME_QUANT_SUFFIX
    values = dict(zip(_weights(source), _constants(rounded, _weights(rounded)), strict=True))
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        name = node.input[0].removesuffix(suffix) if node.op_type == "DequantizeLinear" else ""
        if name in values and node.input[0] in constants:
            scale = helper.to_array(constants[node.input[1]])
            axis = next((one.i for one in node.attribute if one.name == "axis"), 1)
            steps = _steps(values[name], scale, axis)
            constants[node.input[0]].CopyFrom(helper.from_array(steps, node.input[0]))


def _weights(graph: Any) -> list[str]:
    """Names of the constants that convolutions and dense layers multiply by, in the order of the graph."""
    constants = {tensor.name for tensor in graph.initializer}
    nodes = [node for node in graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]
    return [node.input[1] for node in nodes if node.input[1] in constants]


def _constants(graph: Any, names: list[str]) -> Iterator[NDArray[Any]]:
    helper = need("onnx", "export").numpy_helper
    constants = {tensor.name: tensor for tensor in graph.initializer}
    return (helper.to_array(constants[name]) for name in names)


def _steps(values: NDArray[Any], scale: NDArray[Any], axis: int) -> NDArray[np.int8]:
    """Real weights in steps of `scale`, one of all or one for each channel along `axis`."""
    if scale.size > 1:
        scale = scale.reshape([-1 if i == axis else 1 for i in range(values.ndim)])
    steps = np.divide(values, scale, out=np.zeros(values.shape), where=scale > 0)
    return np.asarray(np.clip(np.rint(steps), -LEVELS, LEVELS), np.int8)
