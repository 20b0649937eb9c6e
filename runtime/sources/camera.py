"""Camera: a live device behind OpenCV's VideoCapture, or behind anything that reads like one."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edgecls.errors import DeviceError
from edgecls.runtime.sources.capture import Capture, VideoCapture
from edgecls.runtime.sources.source import Closing, Fault, Frame
from edgecls.runtime.timing import Clock, elapsed_ms, monotonic

RETRY_S = 0.05
DEAD_S = 2.0
STALL_S = 5.0  # of a camera on this machine


@dataclass(frozen=True)
class Limits:
    """How long a device may give nothing, in seconds.

    `dead_s`: reads that fail at once, as those of an unplugged camera. `stall_s`: reads that wait in vain, as those of
    one that is slow to start; a read counts as waiting from `waits_s` on. A picture that comes after a read of
    `late_s` is not believed: a network reader whose time is up may give the last one again.
    """

    dead_s: float
    stall_s: float
    waits_s: float
    late_s: float = float("inf")

    @classmethod
    def of_device(cls, stall_s: float | None, *, read_s: float) -> Limits:
        """Of a local camera, each read of which waits `read_s`; None is the usual patience."""
        stall_s = stall_s or STALL_S
        return cls(dead_s=min(DEAD_S, stall_s), stall_s=stall_s, waits_s=read_s / 2)


class Camera(Closing):
    """A live device. Only a frame proves that it works: OpenCV's isOpened() stays True for a dead one.

    `opener` opens the device and raises DeviceError when it cannot; it is called at once unless `patient`, and again
    by each further iteration, which goes on counting frames. Iterating raises DeviceError when the device gives
    nothing for longer than `limits` allow. `captured` finds when a picture just read was taken, or None to leave it out.
    """

    live = True
    endless = True

    def __init__(
        self,
        name: str,
        opener: Callable[[], VideoCapture],
        limits: Limits,
        *,
        patient: bool = False,
        clock: Clock = monotonic,
        captured: Callable[[Capture, int], int | None] | None = None,
    ) -> None:
        self.name = name
        self.patience_s = 2 * limits.stall_s
        self.faults: deque[Fault] = deque()
        self._opener, self._limits, self._clock = opener, limits, clock
        self._captured = captured or (lambda capture, now: now)
        self._indices = itertools.count()
        self._closed = False
        self._capture = None if patient else Capture(opener())

    def __iter__(self) -> Iterator[Frame]:
        capture = self._open()
        try:
            yield from self._frames(capture)
        finally:
            capture.close()
            self._capture = None

    def close(self) -> None:
        self._closed = True
        if capture := self._capture:
            capture.close()

    def _open(self) -> Capture:
        if self._capture is None:
            self._capture = Capture(self._opener())
        if self._closed:  # in the meantime
            self._capture.close()
        return self._capture

    def _frames(self, capture: Capture) -> Iterator[Frame]:
        frames, alive_ns = 0, self._clock()
        while not capture.closed:
            asked_ns = self._clock()
            pixels = capture.read()
            now = self._clock()
            read_s = elapsed_ms(asked_ns, now) / 1e3
            if pixels is not None and read_s < self._limits.late_s:
                if (taken := self._captured(capture, now)) is not None:
                    yield Frame(pixels, next(self._indices), taken)
                frames, alive_ns = frames + 1, self._clock()
            elif not capture.closed:
                self._check_alive(frames, read_s, elapsed_ms(alive_ns, now) / 1e3)
                capture.wait(RETRY_S)  # a dead camera answers at once, thousands of times a second

    def _check_alive(self, frames: int, read_s: float, silent_s: float) -> None:
        limits = self._limits
        if silent_s < (limits.stall_s if read_s >= limits.waits_s else limits.dead_s):
            return
        what = f"stopped giving frames after {frames}" if frames else "opened but gave no frame"
        raise DeviceError(f"camera {self.name}: {what}; check its cable and power")
