"""Weights rounded by `export/rounding.py`, from the network's layers into the int8 files.

A converter folds what stands behind a layer into its weights: each output's by a factor. By these factors the constants
of a float file are known again, and what their layer was rounded to is theirs. Scales stay as the quantizer chose them;
operators that were left in float, and constants that are no layer's, keep the weights they have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import need
from edgecls.export.tflite_graph import layers_with_bias, read_constant, read_model, store_constant

ROUNDED = "rounded.npz"
LEVELS = 127
FEW = 4  # outputs that show whether the rest need be looked at
SAME = 1e-8  # of the squares, as float32 rounds

Table = NDArray[np.float32]
# By what a layer computes in TFLite, by their own name in ONNX; in the layout of the file.
Weights = Mapping[str, Table]


@dataclass(frozen=True)
class RoundedLayer:
    """Weights of a layer as they were, and rounded: (outputs, inputs), these by rows, columns and channels."""

    before: Table
    after: Table


def save_rounded(path: Path, layers: Sequence[RoundedLayer]) -> None:
    """Write an .npz that `rounded_of` reads."""
    tables = {f"{i}.{name}": table for i, layer in enumerate(layers) for name, table in vars(layer).items()}
    np.savez(path, **tables)


def rounded_of(origin: Path, saved: Path) -> Weights:
    """Rounded weights for the constants of a float file, .tflite or .onnx."""
    with np.load(saved, allow_pickle=False) as file:
        layers = [RoundedLayer(file[f"{i}.before"], file[f"{i}.after"]) for i in range(len(file.files) // 2)]
    if origin.suffix == ".tflite":
        return _of_tflite(read_model(origin), layers)
    return _of_onnx(need("onnx", "export").load(origin).graph, layers)


def take_tflite(model: Any, rounded: Weights) -> None:
    """Into the int8 model, objects of the schema, in place."""
    types = need("ai_edge_litert.schema_py_generated", "export").TensorType
    for layer in layers_with_bias(model):
        if layer.weights.type == types.INT8 and layer.name in rounded:
            found = layer.weights.quantization
            steps = _steps(rounded[layer.name], np.asarray(found.scale), int(found.quantizedDimension))
            store_constant(model, layer.weights, steps)


def take_onnx(graph: Any, rounded: Weights) -> None:
    """Into the int8 QDQ graph, in place."""
    helper = need("onnx", "export").numpy_helper
    suffix = need("onnxruntime.quantization.quant_utils", "export").TENSOR_NAME_QUANT_SUFFIX
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        name = node.input[0].removesuffix(suffix) if node.op_type == "DequantizeLinear" else ""
        if name in rounded and node.input[0] in constants:
            scale = helper.to_array(constants[node.input[1]])
            axis = next((one.i for one in node.attribute if one.name == "axis"), 1)
            steps = _steps(rounded[name], scale, axis)
            constants[node.input[0]].CopyFrom(helper.from_array(steps, node.input[0]))


def _of_tflite(model: Any, layers: list[RoundedLayer]) -> dict[str, Table]:
    """Of convolutions (outputs, h, w, inputs) or (1, h, w, outputs), and of dense layers (outputs, inputs)."""
    types = need("ai_edge_litert.schema_py_generated", "export").TensorType
    found = {}
    for layer in layers_with_bias(model):
        if layer.weights.type == types.FLOAT32:
            values = read_constant(model, layer.weights, np.float32).reshape(layer.weights.shape)
            order = (3, 1, 2, 0) if layer.kind == "DEPTHWISE_CONV_2D" else tuple(range(values.ndim))
            rounded = _rounded(values, order, layers)
            if rounded is not None:
                found[layer.name] = rounded
    return found


def _of_onnx(graph: Any, layers: list[RoundedLayer]) -> dict[str, Table]:
    """Of convolutions (outputs, inputs, h, w), and of dense layers (outputs, inputs) or (inputs, outputs)."""
    found: dict[str, Table] = {}
    for node, values in _onnx_weights(graph):
        if node.op_type == "Conv":
            order: tuple[int, ...] = (0, *range(2, values.ndim), 1)
        else:
            transposed = any(one.name == "transB" and one.i for one in node.attribute)
            order = (0, 1) if transposed else (1, 0)
        if values.ndim == len(order) and node.input[1] not in found:
            rounded = _rounded(values, order, layers)
            if rounded is not None:
                found[node.input[1]] = rounded
    return found


def _onnx_weights(graph: Any) -> Iterator[tuple[Any, Table]]:
    """Convolutions and dense layers, with the constants that they multiply by."""
    helper = need("onnx", "export").numpy_helper
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm", "MatMul") and node.input[1] in constants:
            yield node, helper.to_array(constants[node.input[1]])


def _rounded(values: Table, order: tuple[int, ...], layers: list[RoundedLayer]) -> Table | None:
    """A constant rounded, in its own layout; in `order` its axes are outputs, rows, columns and channels."""
    turned = values.transpose(order)
    table = rounded_table(turned.reshape(len(turned), -1), layers)
    return None if table is None else table.reshape(turned.shape).transpose(np.argsort(order))


def rounded_table(found: Table, layers: list[RoundedLayer]) -> Table | None:
    """What the layer that has these weights, (outputs, inputs), but for a factor of each output, was rounded to.

    It goes to the end of `layers`: of two with the same weights each is found once, in the order of the model.
    """
    for i, layer in enumerate(layers):
        if layer.before.shape == found.shape and _factors(found[:FEW], layer.before[:FEW]) is not None:
            factors = _factors(found, layer.before)
            if factors is not None:
                layers.append(layers.pop(i))
                return factors[:, None] * layer.after
    return None


def _factors(found: Table, known: Table) -> NDArray[np.float32] | None:
    """Factor of each output, (outputs,), or None when it takes more than factors."""
    square = (known**2).sum(axis=1)
    factors = np.divide((found * known).sum(axis=1), square, out=np.zeros_like(square), where=square > 0)
    off = ((found - factors[:, None] * known) ** 2).sum()
    return factors if off <= SAME * (found**2).sum() else None


def _steps(values: Table, scale: NDArray[Any], axis: int) -> NDArray[np.int8]:
    """Real weights in steps of `scale`, one of all or one for each channel along `axis`."""
    if scale.size > 1:
        scale = scale.reshape([-1 if i == axis else 1 for i in range(values.ndim)])
    steps = np.divide(values, scale, out=np.zeros(values.shape), where=scale > 0)
    return np.asarray(np.clip(np.rint(steps), -LEVELS, LEVELS), np.int8)
