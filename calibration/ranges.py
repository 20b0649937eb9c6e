"""Ranges: how far the 8 bits of an activation reach, chosen for the least mean square error.

Nagel et al. 2021, "A White Paper on Neural Network Quantization", section 3.1: a range that takes in every value wastes
steps on a few that are far out, one that is too short clips. The lowest and the highest value are taken over all photos,
how often what lies between is counted over the first COUNTED of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import ModelError
from edgecls.preprocess import Pixels
from edgecls.progress import Tick

COUNTED = 64  # photos: how often a value comes settles before the extremes do
BINS = 2048
STEPS = 255
SHARES = np.linspace(0.2, 1.0, 41)  # of the lowest and the highest value, that are tried

Range = tuple[float, float]
NOTHING: Range = (float("inf"), -float("inf"))
Tensors = Mapping[str, NDArray[np.float32]]
Walk = Callable[[Pixels], Iterator[Tensors]]  # a network's activations by name, photo by photo


@dataclass(frozen=True)
class Ranges:
    """The range of each tensor by its name, and by which share those of two disjoint halves of the photos differ.

    That is |a - b| / max(a, b) of the two widths from lowest to highest value, the mean over tensors.
    """

    by_name: dict[str, Range]
    halves: float


@dataclass
class Counts:
    """How often the values of a tensor lie in each of BINS equal parts of `low` to `high`."""

    low: float
    high: float
    bins: NDArray[np.int64]

    def add(self, values: NDArray[np.float32]) -> None:
        """Count values that lie in the range."""
        places = ((values.ravel() - self.low) * (BINS / (self.high - self.low))).astype(np.int32)
        self.bins += np.bincount(np.clip(places, 0, BINS - 1), minlength=BINS)


def find_ranges(walk: Walk, pixels: Pixels, *, tick: Tick | None = None) -> Ranges:
    """Lowest and highest real number of each tensor's 8 bits, from photos, uint8 RGB (n, h, w, 3).

    One photo's activations are held at a time. Raises ModelError when an activation is no number.
    """
    counted = pixels[:COUNTED]
    total = len(pixels) + len(counted)
    halves = find_extremes(walk, pixels, tick=(lambda done, _: tick(done, total)) if tick else None)
    extremes = unite(*halves)
    counts = {n: Counts(a, b, np.zeros(BINS, np.int64)) for n, (a, b) in extremes.items() if a < b}
    for done, tensors in enumerate(walk(counted), start=len(pixels) + 1):
        for name, values in tensors.items():
            if name in counts:
                counts[name].add(values)
        if tick:
            tick(done, total)
    return Ranges(
        extremes | {name: least_error(found) for name, found in counts.items()}, _difference(*halves)
    )


def find_extremes(
    walk: Walk, pixels: Pixels, *, tick: Tick | None = None
) -> tuple[dict[str, Range], dict[str, Range]]:
    """Lowest and highest value of each tensor, of every second photo and of the others.

    Raises ModelError when an activation is no number.
    """
    halves: tuple[dict[str, Range], dict[str, Range]] = ({}, {})
    for done, tensors in enumerate(walk(pixels), start=1):
        half = halves[1 - done % 2]
        for name, values in tensors.items():
            half[name] = _united(half.get(name, NOTHING), _extremes(name, values))
        if tick:
            tick(done, len(pixels))
    return halves


def unite(one: dict[str, Range], other: dict[str, Range]) -> dict[str, Range]:
    """The ranges that hold those of both halves; one photo alone has only the first."""
    return {name: _united(found, other.get(name, NOTHING)) for name, found in one.items()}


def least_error(counts: Counts) -> Range:
    """The range within `counts` whose 255 steps give its values back with the least mean square error.

    Both ends are searched in turn, twice; 0 always lies within, as convolutions pad with it.
    """
    low, high = counts.low, counts.high
    for _ in range(2):
        low = min(_shortened(counts.low), key=lambda end: _error(counts, end, high))
        high = min(_shortened(counts.high), key=lambda end: _error(counts, low, end))
    return float(low), float(high)


def _extremes(name: str, values: NDArray[Any]) -> Range:
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ModelError(
            f"tensor '{name}': expected finite activations on calibration photos, found others; "
            "train again at a lower --learning-rate"
        )
    return low, high


def _united(one: Range, other: Range) -> Range:
    return min(one[0], other[0]), max(one[1], other[1])


def _difference(one: dict[str, Range], other: dict[str, Range]) -> float:
    widths = [(a[1] - a[0], other[name][1] - other[name][0]) for name, a in one.items() if name in other]
    shares = [abs(a - b) / max(a, b) for a, b in widths if max(a, b) > 0]
    return float(np.mean(shares)) if shares else 0.0


def _shortened(end: float) -> list[float]:
    """An end of the range and shorter ones, the longest first: of equal errors it is taken."""
    return [float(end * share) for share in SHARES[::-1]]


def _error(counts: Counts, low: float, high: float) -> float:
    """Sum over the counted values of the square error that a range makes."""
    low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        return float("inf")
    step = (high - low) / STEPS
    zero = np.rint(-low / step)
    middles = counts.low + (np.arange(BINS) + 0.5) * ((counts.high - counts.low) / BINS)
    back = (np.clip(np.rint(middles / step) + zero, 0, STEPS) - zero) * step
    return float((counts.bins * (back - middles) ** 2).sum())
