"""The activations of a float TFLite model."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edgecls.calibration.ranges import Tensors
from edgecls.errors import need
from edgecls.export.tflite_graph import builtin_code, builtin_names, read_model
from edgecls.preprocess import Pixels
from edgecls.quiet import quiet_stderr


class TfliteActivations:
    """A FloatModel of a .tflite: an interpreter that keeps every tensor of its last run."""

    def __init__(self, source: Path, *, threads: int) -> None:
        litert = need("ai_edge_litert.interpreter", "export")
        with quiet_stderr():
            self._interpreter: Any = litert.Interpreter(
                str(source), num_threads=threads, experimental_preserve_all_tensors=True
            )
            self._interpreter.allocate_tensors()
        self._image = self._interpreter.get_input_details()[0]["index"]
        model = read_model(source)
        graph = model.subgraphs[0]
        computed = {self._image, *(int(i) for op in graph.operators for i in op.outputs)}
        self._indices: dict[str, int] = {
            tensor["name"]: tensor["index"]
            for tensor in self._interpreter.get_tensor_details()
            if tensor["index"] in computed and tensor["dtype"] is np.float32
        }
        self.names = tuple(self._indices)
        softmax = (op for op in graph.operators if builtin_names()[builtin_code(model, op)] == "SOFTMAX")
        self.logits = next((graph.tensors[op.inputs[0]].name.decode() for op in softmax), "")

    def walk(self, pixels: Pixels, names: Collection[str] | None = None) -> Iterator[Tensors]:
        wanted = {n: i for n, i in self._indices.items() if names is None or n in names}
        for picture in pixels:
            self._interpreter.set_tensor(self._image, picture[np.newaxis].astype(np.float32))
            self._interpreter.invoke()
            yield {name: self._interpreter.get_tensor(index) for name, index in wanted.items()}
