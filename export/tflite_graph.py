"""A TFLite file as the objects of its schema, read and written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from edgecls.errors import need

LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def read_model(path: Path) -> Any:
    """The objects of a .tflite, as `read_model_bytes` gives them."""
    return read_model_bytes(path.read_bytes())


def read_model_bytes(content: bytes) -> Any:
    """The objects of a .tflite; buffers that lie behind the flatbuffer are taken into it."""
    schema = need("ai_edge_litert.schema_py_generated", "export")
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    for buffer in model.buffers:
        if buffer.offset > 1:  # 0 and 1 mean that the data is inside
            buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    return model


def pack_model(model: Any) -> bytes:
    """The objects of the schema as a flatbuffer."""
    builder = need("flatbuffers", "export").Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def builtin_code(model: Any, op: Any) -> int:
    """Number of an operator's kind; old files keep it in a field of one byte."""
    code = model.operatorCodes[op.opcodeIndex]
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))


@cache
def builtin_names() -> dict[int, str]:
    """Kinds of operators by number, e.g. 3: "CONV_2D"."""
    operators = need("ai_edge_litert.schema_py_generated", "export").BuiltinOperator
    return {number: name for name, number in vars(operators).items() if isinstance(number, int)}


@dataclass(frozen=True)
class Layer:
    """A convolution or dense layer: its kind, its operator's position in the graph, and its tensors."""

    kind: str
    position: int
    image: Any
    weights: Any
    bias: Any
    output: Any

    @property
    def name(self) -> str:
        """That of its output, one in the float file and in the int8 file made from it."""
        return str(self.output.name.decode())


def layers_with_bias(model: Any) -> Iterator[Layer]:
    """The layers whose weights and bias are constants, in the order they are computed."""
    graph, names = model.subgraphs[0], builtin_names()
    for position, op in enumerate(graph.operators):
        kind = names[builtin_code(model, op)]
        if kind in LAYERS and len(op.inputs) == 3 and op.inputs[2] >= 0:
            image, weights, bias = (graph.tensors[i] for i in op.inputs)
            if all(model.buffers[one.buffer].data is not None for one in (weights, bias)):
                yield Layer(kind, position, image, weights, bias, graph.tensors[op.outputs[0]])


def read_constant(model: Any, tensor: Any, dtype: DTypeLike) -> NDArray[Any]:
    """A constant's numbers, flat."""
    return np.frombuffer(bytes(model.buffers[tensor.buffer].data), dtype)


def store_constant(model: Any, tensor: Any, values: NDArray[Any]) -> None:
    """Replace a constant's numbers, in a buffer of its own: tensors may share one."""
    if sum(one.buffer == tensor.buffer for one in model.subgraphs[0].tensors) > 1:
        model.buffers.append(need("ai_edge_litert.schema_py_generated", "export").BufferT())
        tensor.buffer = len(model.buffers) - 1
    model.buffers[tensor.buffer].data = np.frombuffer(values.tobytes(), np.uint8)
