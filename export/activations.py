"""The activations of a float model, photo by photo, whatever its format."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgecls.calibration.ranges import Tensors
from edgecls.preprocess import Pixels

Means = NDArray[np.float64]

# What weights are fitted on. Of fewer the rare large values of a channel are not seen, and it is widened too far.
PHOTOS = 128


class FloatModel(Protocol):
    """A float model that gives what its operators compute.

    `names` are those tensors, the input among them; `logits` is the one that becomes probabilities.
    """

    names: tuple[str, ...]
    logits: str

    def walk(self, pixels: Pixels, names: Collection[str] | None = None) -> Iterator[Tensors]:
        """Run each photo of uint8 RGB (n, h, w, 3), and give its float32 tensors, channels last.

        `names` are those wanted, default all; what the model does not have, or not as float32, is left out.
        """
        ...


def batches(pixels: Pixels) -> Iterator[NDArray[np.float32]]:
    """Photos, uint8 RGB (n, h, w, 3), as float32 (batch, h, w, 3): as many at once as 4 of 224x224, at most 32."""
    count = max(1, min(32, 4 * 224 * 224 // (pixels.shape[1] * pixels.shape[2])))
    for start in range(0, len(pixels), count):
        yield pixels[start : start + count].astype(np.float32)


def float_means(model: FloatModel, names: tuple[str, ...], pixels: Pixels) -> dict[str, Means]:
    """Mean over photos and positions of each channel of those of these tensors that a float model has."""
    known = set(names) & set(model.names)
    sums: dict[str, Any] = {}
    for tensors in model.walk(pixels, known) if known else ():
        for name, values in tensors.items():
            sums[name] = sums.get(name, 0.0) + channel_means(values)
    return {name: total / len(pixels) for name, total in sums.items()}


def channel_means(values: NDArray[Any]) -> Means:
    """Mean over all axes but the last."""
    return np.asarray(values.reshape(-1, values.shape[-1]).mean(axis=0, dtype=np.float64))
