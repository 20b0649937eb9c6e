"""Bias correction of a float TFLite model: its flatbuffer read, its biases replaced, written anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edgecls.errors import need
from edgecls.export.activations import Activations
from edgecls.export.bias_correction import PHOTOS, Weights, dense_shift, depthwise_shift
from edgecls.preprocess import Pixels

LEVELS = 127  # the TFLite quantization specification wants symmetric weights in -127..127


def correct_tflite(source: Path, target: Path, pixels: Pixels) -> None:
    """Write `target`, the float TFLite model `source` with biases corrected for int8 weights.

    `pixels` are calibration photos, uint8 RGB (n, h, w, 3), of which the first PHOTOS are used.
    """
    schema = need("ai_edge_litert.schema_py_generated", "export")
    flatbuffers = need("flatbuffers", "export")
    model = schema.ModelT.InitFromPackedBuf(source.read_bytes(), 0)
    graph = model.subgraphs[0]
    layers = [
        (op, kind) for op in graph.operators if (kind := _kind(schema, model, op)) and op.inputs[2] >= 0
    ]
    means = _input_means(source, sorted({int(op.inputs[0]) for op, _ in layers}), pixels[:PHOTOS])
    for op, kind in layers:
        weights = _array(model, graph.tensors[op.inputs[1]])
        mean = means[int(op.inputs[0])]
        if kind == "depthwise":  # (1, h, w, channels)
            shift = depthwise_shift(np.moveaxis(weights, 3, 0), mean, levels=LEVELS)
        else:  # (out, h, w, in) or (out, in)
            shift = dense_shift(weights, mean, levels=LEVELS)
        _store(schema, model, op, _array(model, graph.tensors[op.inputs[2]]) - shift)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    target.write_bytes(bytes(builder.Output()))


def _kind(schema: Any, model: Any, op: Any) -> str:
    """ "dense", "depthwise", or "" for a layer without weights."""
    code = model.operatorCodes[op.opcodeIndex]
    operators = schema.BuiltinOperator
    kinds = {
        operators.CONV_2D: "dense",
        operators.FULLY_CONNECTED: "dense",
        operators.DEPTHWISE_CONV_2D: "depthwise",
    }
    return kinds.get(max(code.builtinCode, code.deprecatedBuiltinCode), "")


def _array(model: Any, tensor: Any) -> Weights:
    return np.frombuffer(bytes(model.buffers[tensor.buffer].data), np.float32).reshape(tensor.shape)


def _store(schema: Any, model: Any, op: Any, bias: Weights) -> None:
    """Give the layer a bias tensor of its own: two layers may share one, of zeros for example."""
    graph = model.subgraphs[0]
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(bias.astype(np.float32).tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor = schema.TensorT()
    tensor.__dict__.update(graph.tensors[op.inputs[2]].__dict__)
    tensor.name = tensor.name + f"/corrected{len(graph.tensors)}".encode()
    tensor.buffer = len(model.buffers) - 1
    graph.tensors.append(tensor)
    op.inputs = [op.inputs[0], op.inputs[1], len(graph.tensors) - 1]


def _input_means(source: Path, tensors: list[int], pixels: Pixels) -> dict[int, Weights]:
    """Mean over photos and positions of each channel of these tensors, float32 (channels,)."""
    model = Activations(source)
    sums: dict[int, Any] = dict.fromkeys(tensors, 0.0)
    for _ in model.walk(pixels):
        for index in tensors:
            values = model.values(index)
            sums[index] = sums[index] + values.reshape(-1, values.shape[-1]).mean(axis=0)
    return {index: np.asarray(total / len(pixels), np.float32) for index, total in sums.items()}
