"""Walking through a float TFLite model's activations, photo by photo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import need
from edgecls.preprocess import Pixels
from edgecls.quiet import quiet_stderr


class Activations:
    """A float TFLite model that keeps every tensor of its last run.

    `indices` maps the name of a tensor to its index.
    """

    def __init__(self, source: Path, *, threads: int = 1) -> None:
        litert = need("ai_edge_litert.interpreter", "export")
        with quiet_stderr():
            self._interpreter: Any = litert.Interpreter(
                str(source), num_threads=threads, experimental_preserve_all_tensors=True
            )
            self._interpreter.allocate_tensors()
        self._image = self._interpreter.get_input_details()[0]["index"]
        self.indices: dict[str, int] = {
            tensor["name"]: tensor["index"] for tensor in self._interpreter.get_tensor_details()
        }

    def walk(self, pixels: Pixels) -> Iterator[None]:
        """Run each photo of uint8 RGB (n, h, w, 3); `values` then gives its tensors."""
        for picture in pixels:
            self._interpreter.set_tensor(self._image, picture[np.newaxis].astype(np.float32))
            self._interpreter.invoke()
            yield

    def values(self, index: int) -> NDArray[np.float32]:
        """A copy of one tensor as the photo at hand left it."""
        found: NDArray[np.float32] = self._interpreter.get_tensor(index)
        return found
