"""PacedSource: another source as a live camera."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

from edgecls.runtime.sources.source import Closing, Frame, FrameSource
from edgecls.runtime.timing import Clock, monotonic

PATIENCE_S = 5.0


class PacedSource(Closing):
    """Another source as a live camera of `fps` frames a second; a slow source is not hurried afterwards."""

    live = True

    def __init__(self, source: FrameSource, fps: float, *, clock: Clock = monotonic) -> None:
        self.name = source.name
        self.faults = source.faults
        self.patience_s = PATIENCE_S + 2 / fps
        self._source = source
        self._period_ns = int(1e9 / fps)
        self._clock = clock
        self._closing = threading.Event()

    def __iter__(self) -> Iterator[Frame]:
        due_ns = self._clock()
        for frame in self._source:
            wait_ns = due_ns - self._clock()
            if wait_ns > 0 and self._closing.wait(wait_ns / 1e9):
                return
            now = self._clock()
            yield replace(frame, captured_ns=now, media_ns=None)
            due_ns = max(due_ns, now) + self._period_ns

    def close(self) -> None:
        self._closing.set()
        self._source.close()
