"""NullEngine: computes nothing. It measures what the harness itself costs, and stands in for an engine in tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecls.preprocess import Pixels
from edgecls.runtime.engine import check_batch, open_engine
from edgecls.tensors import TensorSpec


class NullEngine:
    """Gives the same probability for every class, whatever it is shown."""

    name = "null"
    threads = 1
    arithmetic = "native"

    def __init__(self, input: TensorSpec, output: TensorSpec) -> None:
        self.input = input
        self.output = output

    @classmethod
    def like(cls, path: Path) -> NullEngine:
        """A null engine with the input and output of a real model file."""
        real = open_engine(path)
        real.close()
        return cls(real.input, real.output)

    def run(self, batch: Pixels) -> NDArray[np.float32]:
        check_batch(batch, self.input)
        classes = self.output.shape[-1]
        return np.full((len(batch), classes), 1 / classes, np.float32)

    def close(self) -> None:
        """Nothing to free."""
