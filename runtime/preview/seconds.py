"""Seconds: what the stages took, as one point for each second of the last two minutes."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from edgecls.runtime.sinks.sink import Result

SECONDS_KEPT = 120
RATE_S = 4  # seconds that the rate is taken over


@dataclass(frozen=True)
class Point:
    """One whole second of the run's clock: results, and the mean of each stage and of the frames' age, in ms."""

    second: int
    results: int
    capture: float
    preprocess: float
    invoke: float
    decide: float
    age: float

    def values(self) -> list[float]:
        """All of it in the order in which the page reads it."""
        means = (self.capture, self.preprocess, self.invoke, self.decide, self.age)
        return [self.second, self.results, *(round(mean, 3) for mean in means)]


class Seconds:
    """Takes every result, so that a page that is opened late has its curves at once: `add` is a few additions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._points: deque[Point] = deque(maxlen=SECONDS_KEPT)
        self._first: int | None = None
        self._begin(-1)

    def add(self, result: Result, now_ns: int) -> None:
        """Count a result at `now_ns`; from one thread only."""
        second = now_ns // 1_000_000_000
        if second != self._second:
            self._finish()
            self._begin(second)
        stages = result.stages_ms
        self._results += 1
        self._capture += stages.capture
        self._preprocess += stages.preprocess
        self._invoke += stages.invoke
        self._decide += stages.decide
        self._age += result.age_ms

    def after(self, second: int) -> list[Point]:
        """The points of later seconds, oldest first; from any thread."""
        with self._lock:
            return [point for point in self._points if point.second > second]

    def per_s(self, now_ns: int) -> float:
        """Results a second over the last whole seconds, 0 where none came."""
        now = now_ns // 1_000_000_000
        if self._first is None or self._first >= now:
            return 0.0
        first = max(self._first, now - RATE_S)
        done = sum(point.results for point in self.after(first - 1) if point.second < now)
        running = self._results if first <= self._second < now else 0
        return (done + running) / (now - first)

    def _begin(self, second: int) -> None:
        if self._first is None and second >= 0:
            self._first = second
        self._second = second
        self._results = 0
        self._capture = self._preprocess = self._invoke = self._decide = self._age = 0.0

    def _finish(self) -> None:
        n = self._results
        if not n:
            return
        point = Point(
            self._second, n,
            self._capture / n, self._preprocess / n, self._invoke / n, self._decide / n, self._age / n,
        )  # fmt: skip
        with self._lock:
            self._points.append(point)
