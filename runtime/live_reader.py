"""LiveReader: a thread that drains a live source, so that the newest frame is always at hand, and opens it again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

from edgecls.errors import DeviceError, EdgeclsError
from edgecls.runtime.sources.source import Fault, Frame, FrameSource
from edgecls.runtime.timing import Clock, elapsed_ms, monotonic

POLL_S = 0.1  # how soon a stop is noticed while no frame comes
JOIN_S = 1.0
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0


@dataclass(frozen=True, eq=False)
class Captured:
    """A frame and how long the source took to give it, in ms; of a live one, mostly the wait for its time."""

    frame: Frame
    capture_ms: float


def timed(source: FrameSource, clock: Clock) -> Iterator[Captured]:
    """The frames of a source, each with the time it took."""
    frames = iter(source)
    while True:
        started = clock()
        frame = next(frames, None)
        if frame is None:
            return
        yield Captured(frame, elapsed_ms(started, clock()))


def pause_s(failures: int) -> float:
    """How long a device that failed so many times in a row is left alone: twice as long each time, up to a minute."""
    return float(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (failures - 1)))


class LiveReader:
    """Holds one frame: a newer one takes its place and counts as a drop.

    A context manager: the thread runs inside the block. `drops` counts frames that nobody took in time. An endless
    source that fails is opened again, after one second, two, four, up to a minute, until a frame comes: the source's
    `faults` tell of it. `lost` says that it waits for that.
    """

    def __init__(self, source: FrameSource, *, clock: Clock = monotonic) -> None:
        self.drops = 0
        self.lost = False
        self._source = source
        self._clock = clock
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._slot: Captured | None = None
        self._ended = False
        self._error: BaseException | None = None
        self._pausing = False
        self._failures = 0
        self._opened_ns = self._frame_ns = clock()
        self._thread = threading.Thread(target=self._read, name="edgecls-reader", daemon=True)

    def __enter__(self) -> LiveReader:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Close the source; a thread stuck in a dead driver is left behind after a second."""
        with self._changed:
            self._ended = True
        self._closing.set()
        self._source.close()
        self._thread.join(JOIN_S)

    def frames(self, stop: threading.Event) -> Iterator[Captured | None]:
        """The newest frame each time, or None when none came for a moment, until the source ends or `stop` is set.

        Raises what the reader's thread died of, and DeviceError when it hangs for the source's patience: it holds the
        device, so that only the end of the process can free it.
        """
        while not stop.is_set():
            captured, ended = self._take()
            if captured is None and ended:
                self._raise_error()
                return
            if captured is None:
                self._check_hanging()
            yield captured

    def _take(self) -> tuple[Captured | None, bool]:
        """The frame in the slot, if one comes soon, and whether there will be no other."""
        with self._changed:
            if self._slot is None and not self._ended:
                self._changed.wait(POLL_S)
            captured, self._slot = self._slot, None
            return captured, self._ended

    def _read(self) -> None:
        try:
            while self._drain() and not self._closing.wait(pause_s(self._failures)):
                self._opened_ns = self._clock()
                self._pausing = False
        except BaseException as error:  # whatever kills this thread must reach the other one
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify()

    def _drain(self) -> bool:
        """Offer frames until the source ends; say whether it is to be opened again."""
        try:
            for captured in timed(self._source, self._clock):
                self._heard()
                if not self._put(captured):
                    return False
            reason = f"{self._source.name}: the stream ended"
        except DeviceError as error:
            if not self._source.endless:
                raise
            reason = str(error)
        if not self._source.endless or self._closing.is_set():
            return False
        self._pausing, self.lost = True, True
        self._failures += 1
        self._source.faults.append(Fault(f"{reason}; trying again in {pause_s(self._failures):.0f} s"))
        return True

    def _heard(self) -> None:
        """A frame came: the only proof that a device works."""
        now = self._clock()
        if self.lost:
            seconds = elapsed_ms(self._frame_ns, now) / 1e3
            self._source.faults.append(
                Fault(f"{self._source.name}: back after {seconds:.1f} s", recovered_s=seconds)
            )
        self.lost, self._failures, self._frame_ns = False, 0, now

    def _put(self, captured: Captured) -> bool:
        """Offer a frame; say whether anybody still wants the next one."""
        with self._changed:
            if self._slot is not None:
                self.drops += 1
            self._slot = captured
            self._changed.notify()
            return not self._ended

    def _raise_error(self) -> None:
        if isinstance(self._error, EdgeclsError):
            raise self._error
        if self._error is not None:
            name = self._source.name
            raise DeviceError(f"{name}: reading ended with {self._error!r}; start again") from self._error

    def _check_hanging(self) -> None:
        silent_s = elapsed_ms(max(self._opened_ns, self._frame_ns), self._clock()) / 1e3
        if not self._pausing and silent_s > self._source.patience_s:
            raise DeviceError(
                f"{self._source.name}: expected a frame, found none for {silent_s:.0f} s, and its driver does not "
                "answer; check the camera's cable and power, then start again"
            )
