"""Watcher: from the probabilities of frame after frame to what is there, since when, and when it went."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import UsageError
from edgecls.files import utc_text
from edgecls.labels import Labels

MOST_VOTES = 10_000
GAP_S = 2.0  # frames further apart have nothing to do with each other


@dataclass(frozen=True)
class Steadiness:
    """How much it takes to say something, and to take it back.

    Probabilities are smoothed exponentially with the time constant `smooth_s`, whatever the frame rate. A label is said
    when it was best and above its threshold in `confirm` of the last `of` frames; while it is said, another must be
    `hysteresis` above it, and its own threshold is lower by as much. What was said stays for `hold_s` seconds.
    Raises UsageError for values that make no sense.
    """

    smooth_s: float = 0.5
    confirm: int = 3
    of: int = 5
    hysteresis: float = 0.1
    hold_s: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.confirm <= self.of <= MOST_VOTES:
            raise UsageError(
                f"K of N frames must agree with 1 <= K <= N <= {MOST_VOTES}, found {self.confirm}/{self.of}; try 3/5"
            )
        if not (self.smooth_s >= 0 and self.hold_s >= 0):
            raise UsageError(
                f"seconds to smooth or hold cannot be negative, found {min(self.smooth_s, self.hold_s)}; try 0"
            )
        if not 0 <= self.hysteresis < 1:
            raise UsageError(f"hysteresis is a probability from 0 to below 1, found {self.hysteresis}")


@dataclass(frozen=True)
class Seen:
    """What is there: `confidence` is the smoothed probability now, `since_ns` on the source's own time line."""

    index: int
    label: str
    confidence: float
    since_ns: int


@dataclass(frozen=True)
class Event:
    """A label came ("enter") or went ("leave").

    `frame` is the index of the frame that decided it, `time` UTC, ISO 8601. `duration_s` is how long it was there, of a
    leave; `reason` is "seen" or, when frames stopped coming, "no frames".
    """

    kind: str
    index: int
    label: str
    confidence: float
    frame: int
    time: str
    duration_s: float | None = None
    reason: str = "seen"


class Watcher:
    """Turns probabilities after temperature, in the order of the frames, into Events."""

    def __init__(
        self, labels: Labels, thresholds: Sequence[float] = (), steadiness: Steadiness | None = None
    ) -> None:
        self._labels = labels
        self._thresholds = tuple(thresholds) or (0.0,) * len(labels)
        self._steady = steadiness or Steadiness()
        self._votes: deque[int | None] = deque(maxlen=self._steady.of)
        self._mean: NDArray[np.float32] | None = None
        self._at_ns = 0
        self._now: int | None = None
        self._since_ns = 0
        self._changed_ns: int | None = None

    @property
    def seen(self) -> Seen | None:
        """What is there at this moment; None for nothing that is known."""
        if self._now is None or self._mean is None:
            return None
        return Seen(self._now, self._labels[self._now], self._mean.item(self._now), self._since_ns)

    def see(self, scores: NDArray[np.float32], at_ns: int, *, frame: int, unix_ns: int) -> list[Event]:
        """Take in a frame's probabilities, (classes,), at `at_ns` of the source's time line.

        `unix_ns`, in ns since 1970, is the time of the events that come of it.
        """
        if self._mean is not None and not 0 <= at_ns - self._at_ns <= GAP_S * 1e9:
            events = self.lose(frame=frame, unix_ns=unix_ns)
        else:
            events = []
        self._smooth(scores, at_ns)
        self._votes.append(self._vote())
        if self._held(at_ns):
            events += self._decide(at_ns, frame, unix_ns)
        return events

    def lose(self, *, frame: int, unix_ns: int) -> list[Event]:
        """Frames stopped coming: nothing is known any more."""
        events = self._leave(self._at_ns, frame, unix_ns, "no frames")
        self._votes.clear()
        self._mean = self._changed_ns = None
        return events

    def _smooth(self, scores: NDArray[np.float32], at_ns: int) -> None:
        if self._mean is None or not self._steady.smooth_s:
            self._mean = np.array(scores, np.float32)
        else:
            weight = 1 - math.exp(-(at_ns - self._at_ns) / 1e9 / self._steady.smooth_s)
            self._mean += weight * (scores - self._mean)
        self._at_ns = at_ns

    def _vote(self) -> int | None:
        """The label of this frame: what is said keeps its place unless clearly beaten."""
        assert self._mean is not None
        mean = self._mean.item
        best, now, margin = int(self._mean.argmax()), self._now, self._steady.hysteresis
        if now is not None and mean(best) < mean(now) + margin:
            best = now
        least = self._thresholds[best] - (margin if best == now else 0)
        return best if mean(best) > least else None

    def _held(self, at_ns: int) -> bool:
        return self._changed_ns is None or at_ns - self._changed_ns >= self._steady.hold_s * 1e9

    def _decide(self, at_ns: int, frame: int, unix_ns: int) -> list[Event]:
        """Say what enough of the last votes are for, unless it is said already."""
        latest = self._votes[-1]
        if latest == self._now or self._votes.count(latest) < self._steady.confirm:
            return []
        events = self._leave(at_ns, frame, unix_ns, "seen")
        self._changed_ns = at_ns
        if latest is not None and self._mean is not None:
            self._now, self._since_ns = latest, at_ns
            said = self._labels[latest], self._mean.item(latest)
            events.append(Event("enter", latest, *said, frame, utc_text(unix_ns)))
        return events

    def _leave(self, at_ns: int, frame: int, unix_ns: int, reason: str) -> list[Event]:
        seen, self._now = self.seen, None
        if seen is None:
            return []
        duration_s, time = (at_ns - seen.since_ns) / 1e9, utc_text(unix_ns)
        return [Event("leave", seen.index, seen.label, seen.confidence, frame, time, duration_s, reason)]
