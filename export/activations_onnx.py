"""The activations of a float ONNX model, and sessions that give more than the model's own outputs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.calibration.ranges import Tensors
from edgecls.errors import need
from edgecls.preprocess import Pixels
from edgecls.runtime.onnx import session_options, tensor_spec


class OnnxActivations:
    """A FloatModel of an .onnx whose pictures become channels first: channels are moved to the last axis."""

    def __init__(self, source: Path, *, threads: int) -> None:
        self._model = need("onnx", "export").load(source)
        self._threads = threads
        graph = self._model.graph
        self.names: tuple[str, ...] = (
            graph.input[0].name,
            *(name for node in graph.node for name in node.output if name),
        )
        self.logits = next((str(node.input[0]) for node in graph.node if node.op_type == "Softmax"), "")

    def walk(self, pixels: Pixels, names: Collection[str] | None = None) -> Iterator[Tensors]:
        image = self.names[0]
        there = tuple(n for n in self.names[1:] if names is None or n in names)
        session = open_session(self._model, there, arithmetic="native", threads=self._threads)
        for picture, values in zip(pixels, run_photos(session, there, pixels, others={}), strict=True):
            found = {n: channels_last(v) for n, v in zip(there, values, strict=True) if v.dtype == np.float32}
            if names is None or image in names:
                found[image] = picture[np.newaxis].astype(np.float32)
            yield found


def channels_last(values: NDArray[Any]) -> NDArray[Any]:
    """The second axis of (n, channels, ...) as the last."""
    return np.moveaxis(values, 1, -1) if values.ndim > 1 else values


def run_photos(
    session: Any, names: tuple[str, ...], pixels: Pixels, *, others: Mapping[str, NDArray[Any]]
) -> Iterator[list[NDArray[Any]]]:
    """The values of these tensors for each photo; `others` are fed beside it."""
    image = next(tensor_spec(node) for node in session.get_inputs() if node.name not in others)
    for picture in pixels:
        feed = {**others, image.name: image.encode_pixels(picture[np.newaxis])}
        yield session.run(list(names), feed)


def open_session(
    model: Any, names: tuple[str, ...], *, arithmetic: str, threads: int, fed: tuple[str, ...] = ()
) -> Any:
    """A session of the model that gives these tensors too, and takes the constants `fed` as inputs."""
    onnx, ort = need("onnx", "export"), need("onnxruntime", "export")
    probed = onnx.ModelProto()
    probed.CopyFrom(model)
    graph = probed.graph
    there = {output.name for output in graph.output}
    graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names if name not in there)
    for tensor in [tensor for tensor in graph.initializer if tensor.name in fed]:
        graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
        graph.initializer.remove(tensor)
    options = session_options(threads=threads, arithmetic=arithmetic)
    return ort.InferenceSession(probed.SerializeToString(), options, providers=["CPUExecutionProvider"])
