"""The layers of an int8 TFLite model: its flatbuffer read, cut behind a layer to watch it, its biases replaced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import need
from edgecls.export.activations import FloatModel, Means, float_means
from edgecls.export.bias_correction import PHOTOS, Observed, correct_biases, observe, shifted
from edgecls.export.tflite_graph import (
    Layer,
    layers_with_bias,
    pack_model,
    read_constant,
    read_model,
    store_constant,
)
from edgecls.preprocess import Pixels
from edgecls.progress import Tick
from edgecls.quiet import quiet_stderr
from edgecls.runtime.litert import tensor_spec


def correct_tflite(
    path: Path, source: FloatModel, pixels: Pixels, *, threads: int, tick: Tick | None = None
) -> None:
    """Correct the biases of the int8 model `path`, in place, after the float model `source` it was made from.

    `pixels` are calibration photos, uint8 RGB (n, h, w, 3), of which the first PHOTOS are used.
    """
    layers = TfliteLayers(path, threads=threads)
    photos = pixels[:PHOTOS]
    correct_biases(layers, float_means(source, layers.outputs, photos), photos, tick=tick)
    path.write_bytes(pack_model(layers.model))


class TfliteLayers:
    """Convolutions and dense layers of an int8 .tflite that have a bias, float32 where they were left in float."""

    def __init__(self, path: Path, *, threads: int) -> None:
        self._types = need("ai_edge_litert.schema_py_generated", "export").TensorType
        self.model = read_model(path)
        self._graph = self.model.subgraphs[0]
        self._threads = threads
        _separate_biases(self.model)
        self._layers = [layer for layer in layers_with_bias(self.model) if self._is_whole(layer)]
        self.outputs: tuple[str, ...] = tuple(layer.name for layer in self._layers)

    def observe(self, layer: int, pixels: Pixels) -> Observed:
        output = self._layers[layer].output
        if output.type == self._types.FLOAT32:
            return observe(self._run(layer, pixels), scale=1.0, zero_point=0)
        found = output.quantization
        return observe(
            self._run(layer, pixels), scale=float(found.scale[0]), zero_point=int(found.zeroPoint[0])
        )

    def shift(self, layer: int, amount: Means) -> None:
        bias = self._layers[layer].bias
        real = bias.type == self._types.FLOAT32
        values = read_constant(self.model, bias, np.float32 if real else np.int32)
        scale = np.ones(1, np.float32) if real else np.asarray(bias.quantization.scale, np.float32)
        store_constant(self.model, bias, shifted(values, scale, amount))

    def _is_whole(self, layer: Layer) -> bool:
        """Whether all of it is int8, or all of it float."""
        types = self._types
        return (layer.output.type, layer.bias.type) in (
            (types.INT8, types.INT32),
            (types.FLOAT32, types.FLOAT32),
        )

    def _run(self, layer: int, pixels: Pixels) -> Iterator[NDArray[Any]]:
        interpreter = self._interpreter(layer)
        image, output = interpreter.get_input_details()[0], interpreter.get_output_details()[0]["index"]
        spec = tensor_spec(image)
        for picture in pixels:
            interpreter.set_tensor(image["index"], spec.encode_pixels(picture[np.newaxis]))
            interpreter.invoke()
            yield interpreter.get_tensor(output)

    def _interpreter(self, layer: int) -> Any:
        """Of the model that ends behind this layer."""
        graph, model, position = self._graph, self.model, self._layers[layer].position
        operators, outputs, signatures = graph.operators, graph.outputs, model.signatureDefs
        try:
            graph.operators, graph.outputs = operators[: position + 1], [operators[position].outputs[0]]
            model.signatureDefs = None
            cut = pack_model(model)
        finally:
            graph.operators, graph.outputs, model.signatureDefs = operators, outputs, signatures
        with quiet_stderr():
            interpreter = need("ai_edge_litert.interpreter", "export").Interpreter(
                model_content=cut, num_threads=self._threads
            )
            interpreter.allocate_tensors()
        return interpreter


def _separate_biases(model: Any) -> None:
    """Two layers may share a bias: end that."""
    graph = model.subgraphs[0]
    readers = Counter(int(i) for op in graph.operators for i in op.inputs)
    for layer in layers_with_bias(model):
        op = graph.operators[layer.position]
        if readers[int(op.inputs[2])] > 1:
            graph.tensors.append(copy(layer.bias))
            op.inputs = [op.inputs[0], op.inputs[1], len(graph.tensors) - 1]
