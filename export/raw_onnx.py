"""Raw input of an int8 QDQ ONNX model: uint8 pixels, which its first DequantizeLinear reads."""

from __future__ import annotations

from typing import Any

from edgecls.errors import ModelError, need
from edgecls.export.onnx_graph import prune
from edgecls.export.raw_input import NAME, Entry, Step, find_entry


def onnx_entry(graph: Any) -> Entry:
    """Where the scaling of a float ONNX model's graph ends.

    Without one the pixels are entered behind the Transpose to channels first: the quantizer leaves it where it is.
    """
    onnx = need("onnx", "export")
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}

    def step(node: Any) -> Step:
        found = [constants[name] for name in node.input if name in constants]
        return Step(node.op_type.lower(), tuple(node.input), node.output[0], found[0] if found else None)

    image = graph.input[0].name
    entry = find_entry(image, [step(node) for node in graph.node])
    turned = [node for node in graph.node if image in node.input]
    if entry.tensor == image and [node.op_type for node in turned] == ["Transpose"]:
        return Entry(turned[0].output[0])
    return entry


def feed_raw_onnx(model: Any, entry: Entry) -> None:
    """Give an int8 model a uint8 input that takes pixels as they are, in place.

    The QuantizeLinear of the entry goes, with all before it but a Transpose. Raises ModelError when there is none.
    """
    onnx = need("onnx", "export")
    graph = model.graph
    made = [n for n in graph.node if n.op_type == "QuantizeLinear" and n.input[0] == entry.tensor]
    if len(made) != 1:
        raise ModelError(
            f"int8 ONNX: expected the scaled pixels '{entry.tensor}' quantized once, found {len(made)} times; "
            "export float with --no-int8"
        )
    turned = [node for node in graph.node if node.op_type == "Transpose" and entry.tensor in node.output]
    names = {made[0].output[0]: entry.tensor if turned else NAME} | {node.input[0]: NAME for node in turned}
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
    for stated in [info for info in graph.value_info if turned and info.name == entry.tensor]:
        graph.value_info.remove(stated)  # it says float
    shape = [side.dim_value for side in graph.input[0].type.tensor_type.shape.dim]
    del graph.input[:]
    graph.input.append(onnx.helper.make_tensor_value_info(NAME, onnx.TensorProto.UINT8, shape))
    graph.node.remove(made[0])
    prune(graph)
