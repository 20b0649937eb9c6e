"""Bias correction: every layer of an int8 model gets back the mean output that it has in the float model.

Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction", section 4.2, in its
empirical form: the int8 model itself is watched on photos, a layer at a time in the order they are computed, so that
each is corrected behind layers that are right already. What the rounding of weights and of activations adds to a
mean is taken off together. All layers at once, each by its own difference, would correct the same fault many times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import ModelError
from edgecls.export.activations import Means, channel_means
from edgecls.preprocess import Pixels
from edgecls.progress import Tick

PHOTOS = 32  # a mean over photos and positions settles long before a range does
LEAST_MOVING = 0.1


@dataclass(frozen=True)
class Observed:
    """What a layer of an int8 model gave: its mean output, (channels,), and the share that a bias still moves.

    An output at the end of its range, as ReLU leaves many, stays there when the bias changes a little. Of a layer that
    was left in float all counts as moving.
    """

    mean: Means
    moving: Means


class Int8Layers(Protocol):
    """The layers of an int8 model that have a bias.

    `outputs` are the names of the tensors they compute, in the order they are computed, as in the float model.
    """

    outputs: tuple[str, ...]

    def observe(self, layer: int, pixels: Pixels) -> Observed:
        """Run photos, uint8 RGB (n, h, w, 3), up to one layer."""
        ...

    def shift(self, layer: int, amount: Means) -> None:
        """Add `amount`, (channels,), in real numbers, to a layer's bias."""
        ...


def correct_biases(
    layers: Int8Layers, reference: Mapping[str, Means], pixels: Pixels, *, tick: Tick | None = None
) -> None:
    """Shift every bias so that a layer's mean output is the float model's, `reference`, on the same photos.

    A layer whose output the float model does not have stays as it is. Raises ModelError when a mean is no number.
    """
    known = [(layer, name) for layer, name in enumerate(layers.outputs) if name in reference]
    for done, (layer, name) in enumerate(known, start=1):
        seen = layers.observe(layer, pixels)
        amount = (reference[name] - seen.mean) / np.maximum(seen.moving, LEAST_MOVING)
        if not np.isfinite(amount).all():
            raise ModelError(
                f"layer '{name}': expected finite means, found others; train again at a lower --learning-rate"
            )
        layers.shift(layer, amount)
        if tick:
            tick(done, len(known))


def observe(outputs: Iterable[NDArray[Any]], *, scale: float, zero_point: int) -> Observed:
    """Average outputs, 8 bits or float32 (..., channels), one for each photo; float32 is in real numbers already."""
    means, moving = [], []
    for values in outputs:
        flat = values.reshape(-1, values.shape[-1])
        means.append(channel_means(flat))
        moving.append(_moving(flat))
    return Observed((np.mean(means, axis=0) - zero_point) * scale, np.mean(moving, axis=0))


def _moving(values: NDArray[Any]) -> Means:
    if values.dtype == np.float32:
        return np.ones(values.shape[-1])
    limits = np.iinfo(values.dtype)
    return np.asarray(((values > limits.min) & (values < limits.max)).mean(axis=0))


def shifted(bias: NDArray[Any], scale: NDArray[np.float32], amount: Means) -> NDArray[Any]:
    """A bias, int32 or float32 (channels,), with a real amount added.

    A channel whose weights are all zero has no scale; float32 has none at all.
    """
    if bias.dtype == np.float32:
        return np.asarray(bias + amount, np.float32)
    steps = np.divide(amount, scale, out=np.zeros_like(amount), where=np.asarray(scale) > 0)
    limits = np.iinfo(np.int32)
    return np.asarray(np.clip(bias + np.rint(steps), limits.min, limits.max), np.int32)
