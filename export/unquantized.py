"""Operators that an int8 file computes in float because its quantizer has no int8 form of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

from edgecls.errors import need
from edgecls.export import int8_onnx, int8_tflite
from edgecls.export.candidates import Candidate
from edgecls.export.tflite_graph import builtin_code, builtin_names, read_model

FUSED = ("Relu", "Clip")  # ONNX Runtime puts these into the operator before them


def unquantized(file: Candidate, names: Collection[str]) -> tuple[str, ...]:
    """Kinds of the operators that compute one of the tensors `names` in float, the most frequent first.

    Without those that edgecls leaves in float everywhere, as the softmax.
    """
    kinds = _tflite_kinds if file.format == "tflite" else _onnx_kinds
    kept = {*int8_tflite.KEPT_FLOAT, *int8_onnx.KEPT_FLOAT}
    return tuple(kind for kind, _ in Counter(kinds(file.path, names)).most_common() if kind not in kept)


def _tflite_kinds(path: Path, names: Collection[str]) -> Iterator[str]:
    real = need("ai_edge_litert.schema_py_generated", "export").TensorType.FLOAT32
    model = read_model(path)
    graph = model.subgraphs[0]
    for op in graph.operators:
        outputs = [graph.tensors[i] for i in op.outputs]
        if any(tensor.type == real and tensor.name.decode() in names for tensor in outputs):
            yield builtin_names()[builtin_code(model, op)]


def _onnx_kinds(path: Path, names: Collection[str]) -> Iterator[str]:
    graph = need("onnx", "export").load(path).graph
    readers = {name: node for node in graph.node for name in node.input}

    def is_quantized(name: str) -> bool:
        reader = readers.get(name)
        while reader is not None and reader.op_type in FUSED:
            reader = readers.get(reader.output[0])
        # What a DequantizeLinear reads is of 8 bits already.
        return reader is not None and reader.op_type in ("QuantizeLinear", "DequantizeLinear")

    for node in graph.node:
        if any(name in names and not is_quantized(name) for name in node.output):
            yield str(node.op_type)
