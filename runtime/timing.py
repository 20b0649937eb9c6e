"""Timing: the clock that everything on the device reads, and the raw milliseconds of each stage."""

from __future__ import annotations

import time
from array import array
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

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


def percentiles(samples_ms: Sequence[float]) -> Percentiles:
    """Percentiles of raw samples in ms, in any order. Raises DataError when there is none."""
    if not len(samples_ms):
        raise DataError("a percentile needs at least one sample, found none; measure first")
    p50, p90, p99 = np.percentile(np.asarray(samples_ms, np.float64), (50, 90, 99))
    return Percentiles(len(samples_ms), float(p50), float(p90), float(p99))


class StageTimes:
    """Raw milliseconds of each stage, in memory that does not grow: the newest `limit` samples are kept."""

    def __init__(self, *, limit: int = SAMPLES_KEPT) -> None:
        self._limit = limit
        self._samples: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))
        self._counts: defaultdict[str, int] = defaultdict(int)

    def add(self, stage: str, ms: float) -> None:
        """Keep one sample; beyond the limit it takes the place of the oldest."""
        samples, count = self._samples[stage], self._counts[stage]
        if count < self._limit:
            samples.append(ms)
        else:
            samples[count % self._limit] = ms
        self._counts[stage] = count + 1

    def samples(self, stage: str) -> Sequence[float]:
        """The samples kept of one stage, in ms; empty for a stage never measured."""
        return self._samples.get(stage, array("d"))

    def percentiles(self) -> dict[str, Percentiles]:
        """Percentiles of every stage that has samples, in the order in which the stages first came."""
        return {stage: percentiles(samples) for stage, samples in self._samples.items()}
