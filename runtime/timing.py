"""Timing: the clock that everything on the device reads, and the raw milliseconds of each stage."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import DataError

# Nanoseconds that never go backwards; only differences mean something.
Clock = Callable[[], int]
monotonic: Clock = time.monotonic_ns

SAMPLES_KEPT = 10_000


def elapsed_ms(start_ns: int, end_ns: int) -> float:
    """Milliseconds between two readings of a Clock."""
    return (end_ns - start_ns) / 1e6


@dataclass(frozen=True)
class Percentiles:
    """Median, p90 and p99 of n samples, in ms.

    Between two samples they are interpolated linearly (numpy's default; type 7 of Hyndman and Fan 1996,
    "Sample Quantiles in Statistical Packages").
    """

    n: int
    p50: float
    p90: float
    p99: float


def percentiles(samples_ms: Sequence[float] | NDArray[np.float64]) -> Percentiles:
    """Percentiles of raw samples in ms, in any order. Raises DataError when there is none."""
    if not len(samples_ms):
        raise DataError("a percentile needs at least one sample, found none; measure first")
    p50, p90, p99 = np.percentile(np.asarray(samples_ms, np.float64), (50, 90, 99))
    return Percentiles(len(samples_ms), float(p50), float(p90), float(p99))


class StageTimes:
    """Raw milliseconds of the stages of frames, in memory that does not grow: the newest `limit` frames are kept."""

    def __init__(self, *stages: str, limit: int = SAMPLES_KEPT) -> None:
        self._stages, self._limit = stages, limit
        self._samples = array("d")  # a frame's stages beside each other
        self._count = 0

    def add(self, *ms: float) -> None:
        """Keep what each stage of a frame took; beyond the limit it takes the place of the oldest."""
        at = self._count % self._limit * len(ms)
        self._samples[at : at + len(ms)] = array("d", ms)
        self._count += 1

    def percentiles(self) -> dict[str, Percentiles]:
        """Percentiles of every stage; empty before the first frame."""
        if not self._count:
            return {}
        frames = np.array(self._samples).reshape(-1, len(self._stages))
        return {stage: percentiles(ms) for stage, ms in zip(self._stages, frames.T, strict=True)}
