"""The layers of an int8 QDQ ONNX model: its graph cut to watch them, their biases replaced."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import need
from edgecls.export.activations import FloatModel, Means, float_means
from edgecls.export.activations_onnx import channels_last, open_session, run_photos
from edgecls.export.bias_correction import PHOTOS, Observed, correct_biases, observe, shifted
from edgecls.export.onnx_graph import needed
from edgecls.preprocess import Pixels
from edgecls.progress import Tick

GROUP = 8  # layers watched in one session


def correct_onnx(
    path: Path,
    source: FloatModel,
    pixels: Pixels,
    *,
    arithmetic: str,
    threads: int,
    tick: Tick | None = None,
) -> None:
    """Correct the biases of the int8 model `path`, in place, after the float model `source` it was made from.

    `pixels` are calibration photos, uint8 RGB (n, h, w, 3), of which the first PHOTOS are used. The int8 model
    is watched in the `arithmetic` it will be computed with, "native" or "exact".
    """
    onnx = need("onnx", "export")
    layers = OnnxLayers(onnx.load(path), arithmetic=arithmetic, threads=threads)
    photos = pixels[:PHOTOS]
    correct_biases(layers, float_means(source, layers.outputs, photos), photos, tick=tick)
    onnx.save(layers.model, path)


@dataclass(frozen=True)
class _Layer:
    """Names of the float tensor it computes and of its bias, and what makes real numbers of both.

    `watched` is that tensor quantized. A layer that was left in float is watched itself, and has no scales.
    """

    output: str
    watched: str
    bias: str
    scale: str = ""
    zero_point: str = ""
    bias_scale: str = ""


class OnnxLayers:
    """Convolutions and dense layers of an int8 QDQ ONNX model whose bias is a constant of their own.

    A session is dear for a large model, and a run costs the whole of its graph: so one serves GROUP layers, ends behind
    the last of them, and takes their biases as inputs.
    """

    def __init__(self, model: Any, *, arithmetic: str, threads: int) -> None:
        self.model = model
        self._helper = need("onnx", "export").numpy_helper
        self._constants = {tensor.name: tensor for tensor in model.graph.initializer}
        self._maker = {name: node for node in model.graph.node for name in node.output}
        self._readers: dict[str, list[Any]] = {}
        for node in model.graph.node:
            for name in node.input:
                self._readers.setdefault(name, []).append(node)
        found = (self._layer(node) for node in model.graph.node if node.op_type in ("Conv", "Gemm"))
        self._layers = [layer for layer in found if layer is not None]
        self.outputs = tuple(layer.output for layer in self._layers)
        self._arithmetic, self._threads = arithmetic, threads
        self._group, self._session = -1, None

    def observe(self, layer: int, pixels: Pixels) -> Observed:
        names, group = self._layers[layer], layer // GROUP
        if group != self._group:
            self._group, self._session = group, self._open(group)
        biases = {one.bias: self._value(one.bias) for one in self._members(group)}
        ran = run_photos(self._session, (names.watched,), pixels, others=biases)
        return observe(
            (channels_last(values) for (values,) in ran),
            scale=float(self._value(names.scale)) if names.scale else 1.0,
            zero_point=int(self._value(names.zero_point)) if names.zero_point else 0,
        )

    def shift(self, layer: int, amount: Means) -> None:
        names = self._layers[layer]
        scale = self._value(names.bias_scale) if names.bias_scale else np.ones(1, np.float32)
        moved = shifted(self._value(names.bias), scale, amount)
        self._constants[names.bias].CopyFrom(self._helper.from_array(moved, names.bias))

    def _members(self, group: int) -> list[_Layer]:
        return self._layers[group * GROUP : (group + 1) * GROUP]

    def _open(self, group: int) -> Any:
        """A session of the graph up to the last layer of a group."""
        onnx = need("onnx", "export")
        members = self._members(group)
        quantized = tuple(layer.watched for layer in members)
        graph = self.model.graph
        names = needed(graph, quantized)
        nodes = [node for node in graph.node if names & set(node.output)]
        constants = [tensor for name, tensor in self._constants.items() if name in names]
        cut = onnx.helper.make_model(
            onnx.helper.make_graph(nodes, graph.name, list(graph.input), [], constants),
            opset_imports=list(self.model.opset_import),
            ir_version=self.model.ir_version,
        )
        biases = tuple(layer.bias for layer in members)
        return open_session(cut, quantized, arithmetic=self._arithmetic, threads=self._threads, fed=biases)

    def _value(self, name: str) -> NDArray[Any]:
        return np.asarray(self._helper.to_array(self._constants[name]))

    def _layer(self, node: Any) -> _Layer | None:
        """None when only one of bias and output is quantized, or the bias is not this layer's alone."""
        output = node.output[0]
        while self._reader(output) in ("Relu", "Clip"):
            output = self._readers[output][0].output[0]
        if len(node.input) < 3 or len(self._readers[node.input[2]]) > 1:
            return None
        if node.input[2] in self._constants:
            return _Layer(output, output, node.input[2])
        bias, quantize = self._maker.get(node.input[2]), self._readers[output][0]
        if bias is None or bias.op_type != "DequantizeLinear" or quantize.op_type != "QuantizeLinear":
            return None
        scales = (*quantize.input[1:3], bias.input[1])
        constants = {bias.input[0], *scales} <= set(self._constants)
        return _Layer(output, quantize.output[0], bias.input[0], *scales) if constants else None

    def _reader(self, name: str) -> str:
        """Kind of the first node that reads a tensor, "" when none does."""
        readers = self._readers.get(name, [])
        return str(readers[0].op_type) if readers else ""
