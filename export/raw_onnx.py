"""Raw input of an int8 QDQ ONNX model: uint8 pixels, which its first DequantizeLinear reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgecls.errors import ModelError, need
from edgecls.export.onnx_graph import prune
from edgecls.export.raw_input import NAME, Entry, Step, find_entry


def onnx_entry(graph: Any) -> Entry:
    """Where the scaling of a float ONNX model's graph ends."""
    onnx = need("onnx", "export")
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}

    def step(node: Any) -> Step:
        found = [constants[name] for name in node.input if name in constants]
        return Step(node.op_type.lower(), tuple(node.input), node.output[0], found[0] if found else None)

    return find_entry(graph.input[0].name, [step(node) for node in graph.node])


def feed_raw_onnx(path: Path, entry: Entry) -> None:
    """Give the int8 model `path` a uint8 input that takes pixels as they are, in place.

    The QuantizeLinear of the entry goes, with all before it. Raises ModelError when there is none.
    """
    onnx = need("onnx", "export")
    model = onnx.load(path)
    graph = model.graph
    made = [n for n in graph.node if n.op_type == "QuantizeLinear" and n.input[0] == entry.tensor]
    if len(made) != 1:
        raise ModelError(
            f"{path.name}: expected the scaled pixels '{entry.tensor}' quantized once, found {len(made)} times; "
            "export float with --no-int8"
        )
    replaced = made[0].output[0]
    for node in graph.node:
        node.input[:] = [NAME if name == replaced else name for name in node.input]
    shape = [side.dim_value for side in graph.input[0].type.tensor_type.shape.dim]
    del graph.input[:]
    graph.input.append(onnx.helper.make_tensor_value_info(NAME, onnx.TensorProto.UINT8, shape))
    graph.node.remove(made[0])
    prune(graph)
    onnx.save(model, path)
