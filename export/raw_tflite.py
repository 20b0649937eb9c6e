"""Raw input of an int8 TFLite model: uint8 pixels, requantized to int8 by the graph's first operator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from edgecls.errors import ModelError, need
from edgecls.export.raw_input import NAME, Entry, Step, find_entry
from edgecls.export.tflite_graph import builtin_code, builtin_names

# Requantizing between 8-bit types came with the second version of QUANTIZE.
QUANTIZE_VERSION = 2


def tflite_entry(model: Any) -> Entry:
    """Where the scaling of a float TFLite model, objects of the schema, ends."""
    graph = model.subgraphs[0]
    return find_entry(_name(graph, graph.inputs[0]), _steps(model))


def feed_raw_tflite(model: Any, entry: Entry) -> None:
    """Give an int8 model, objects of the schema, a uint8 input that takes pixels as they are, in place.

    What lies between the old input and the entry goes. The new first operator turns uint8 into int8 at the same
    scale, a flip of one bit, outside of XNNPACK's partition. Raises ModelError when the entry is not there as int8.
    """
    schema = need("ai_edge_litert.schema_py_generated", "export")
    graph = model.subgraphs[0]
    position = _find(graph, entry)
    _remove_above(graph, position)
    scaled = graph.tensors[position]
    image, quantization = schema.TensorT(), schema.QuantizationParametersT()
    image.__dict__.update(scaled.__dict__)
    quantization.__dict__.update(scaled.quantization.__dict__)
    quantization.zeroPoint = np.asarray(scaled.quantization.zeroPoint) + 128
    image.name, image.type, image.quantization = NAME.encode(), schema.TensorType.UINT8, quantization
    image.buffer = 0  # by the schema, the empty one
    graph.tensors.append(image)
    _put_first(schema, model, len(graph.tensors) - 1, position)


def _steps(model: Any) -> Iterator[Step]:
    graph, names = model.subgraphs[0], builtin_names()
    for op in graph.operators:
        constants = [found for i in op.inputs if (found := _constant(model, graph.tensors[i])) is not None]
        kind = names[builtin_code(model, op)].lower()
        if getattr(op.builtinOptions, "fusedActivationFunction", 0):
            kind += " and an activation"
        inputs = tuple(_name(graph, i) for i in op.inputs if i >= 0)
        yield Step(kind, inputs, _name(graph, op.outputs[0]), constants[0] if constants else None)


def _constant(model: Any, tensor: Any) -> Any:
    """A float32 constant's numbers, or None."""
    data = model.buffers[tensor.buffer].data
    if data is None or len(data) == 0 or tensor.type != 0:
        return None
    return np.frombuffer(bytes(data), np.float32)


def _name(graph: Any, index: int) -> str:
    return str(graph.tensors[index].name.decode())


def _find(graph: Any, entry: Entry) -> int:
    schema = need("ai_edge_litert.schema_py_generated", "export")
    for position, tensor in enumerate(graph.tensors):
        if tensor.name.decode() == entry.tensor and tensor.type == schema.TensorType.INT8:
            return position
    raise ModelError(
        f"int8 TFLite: expected the scaled pixels '{entry.tensor}' as int8, found them in float; "
        "export float with --no-int8"
    )


def _remove_above(graph: Any, position: int) -> None:
    """The operators that compute a tensor, and theirs."""
    makers = {int(i): op for op in graph.operators for i in op.outputs}
    waiting, gone = [position], []
    while waiting:
        op = makers.get(waiting.pop())
        if op is not None:
            gone.append(op)
            waiting.extend(int(i) for i in op.inputs)
    graph.operators = [op for op in graph.operators if not any(op is one for one in gone)]


def _put_first(schema: Any, model: Any, image: int, scaled: int) -> None:
    """QUANTIZE from the image to the scaled pixels, and the image as the model's input."""
    code, op = schema.OperatorCodeT(), schema.OperatorT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.QUANTIZE
    code.version = QUANTIZE_VERSION
    model.operatorCodes.append(code)
    op.opcodeIndex = len(model.operatorCodes) - 1
    op.inputs, op.outputs = [image], [scaled]
    op.builtinOptionsType = schema.BuiltinOptions.QuantizeOptions
    op.builtinOptions = schema.QuantizeOptionsT()
    graph = model.subgraphs[0]
    graph.operators.insert(0, op)
    graph.inputs = [image]
    for signature in model.signatureDefs or ():
        for tensor in signature.inputs:
            tensor.tensorIndex = image
