"""The layers of an int8 TFLite model: its flatbuffer read, cut behind a layer to watch it, its biases replaced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import need
from edgecls.export.activations import FloatModel, Means, float_means
from edgecls.export.bias_correction import PHOTOS, Observed, correct_biases, observe, shifted
from edgecls.export.tflite_graph import builtin_code, pack_model, read_model
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
        self._schema = need("ai_edge_litert.schema_py_generated", "export")
        self.model = read_model(path)
        self._graph = self.model.subgraphs[0]
        self._threads = threads
        self._positions = [i for i, op in enumerate(self._graph.operators) if self._has_bias(op)]
        self._separate_biases()
        self.outputs: tuple[str, ...] = tuple(
            self._output(layer).name.decode() for layer in range(len(self._positions))
        )

    def observe(self, layer: int, pixels: Pixels) -> Observed:
        found = self._output(layer).quantization
        if self._output(layer).type == self._schema.TensorType.FLOAT32:
            return observe(self._run(layer, pixels), scale=1.0, zero_point=0)
        return observe(
            self._run(layer, pixels), scale=float(found.scale[0]), zero_point=int(found.zeroPoint[0])
        )

    def shift(self, layer: int, amount: Means) -> None:
        tensor = self._bias(layer)
        buffer = self.model.buffers[tensor.buffer]
        real = tensor.type == self._schema.TensorType.FLOAT32
        bias = np.frombuffer(bytes(buffer.data), np.float32 if real else np.int32)
        scale = np.ones(1, np.float32) if real else np.asarray(tensor.quantization.scale, np.float32)
        buffer.data = np.frombuffer(shifted(bias, scale, amount).tobytes(), np.uint8)

    def _has_bias(self, op: Any) -> bool:
        operators, types = self._schema.BuiltinOperator, self._schema.TensorType
        kinds = (operators.CONV_2D, operators.FULLY_CONNECTED, operators.DEPTHWISE_CONV_2D)
        if builtin_code(self.model, op) not in kinds:
            return False
        if len(op.inputs) < 3 or op.inputs[2] < 0:
            return False
        output, bias = self._graph.tensors[op.outputs[0]], self._graph.tensors[op.inputs[2]]
        return (output.type, bias.type) in ((types.INT8, types.INT32), (types.FLOAT32, types.FLOAT32))

    def _output(self, layer: int) -> Any:
        return self._graph.tensors[self._graph.operators[self._positions[layer]].outputs[0]]

    def _bias(self, layer: int) -> Any:
        return self._graph.tensors[self._graph.operators[self._positions[layer]].inputs[2]]

    def _separate_biases(self) -> None:
        """Two layers may share a bias tensor, and two tensors a buffer, of zeros for example: end that."""
        tensors = Counter(int(i) for op in self._graph.operators for i in op.inputs)
        buffers = Counter(tensor.buffer for tensor in self._graph.tensors)
        for position in self._positions:
            op = self._graph.operators[position]
            tensor = self._graph.tensors[op.inputs[2]]
            if tensors[int(op.inputs[2])] == 1 and buffers[tensor.buffer] == 1:
                continue
            own, buffer = self._schema.TensorT(), self._schema.BufferT()
            own.__dict__.update(tensor.__dict__)
            own.buffer = len(self.model.buffers)
            buffer.data = self.model.buffers[tensor.buffer].data
            self.model.buffers.append(buffer)
            self._graph.tensors.append(own)
            op.inputs = [op.inputs[0], op.inputs[1], len(self._graph.tensors) - 1]

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
        graph, model, position = self._graph, self.model, self._positions[layer]
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
