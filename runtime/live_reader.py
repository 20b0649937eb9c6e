"""LiveReader: a thread that drains a live source, so that the newest frame is always at hand."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

from edgecls.errors import DeviceError, EdgeclsError
from edgecls.runtime.sources import Frame, FrameSource
from edgecls.runtime.timing import Clock, elapsed_ms, monotonic

POLL_S = 0.1  # how soon a stop is noticed while no frame comes
JOIN_S = 1.0


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


class LiveReader:
    """Holds one frame: a newer one takes its place and counts as a drop.

    A context manager: the thread runs inside the block. `drops` counts frames that nobody took in time.
    """

    def __init__(self, source: FrameSource, *, clock: Clock = monotonic) -> None:
        self.drops = 0
        self._source = source
        self._clock = clock
        self._changed = threading.Condition()
        self._slot: Captured | None = None
        self._ended = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._read, name="edgecls-reader", daemon=True)

    def __enter__(self) -> LiveReader:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Close the source; a thread stuck in a dead driver is left behind after a second."""
        with self._changed:
            self._ended = True
        self._source.close()
        self._thread.join(JOIN_S)

    def frames(self, stop: threading.Event) -> Iterator[Captured]:
        """The newest frame each time, until the source ends or `stop` is set.

        Raises what the reader's thread died of, and DeviceError when nothing comes for the source's patience.
        """
        waiting_since = self._clock()
        while not stop.is_set():
            captured, ended = self._take()
            if captured is not None:
                yield captured
                waiting_since = self._clock()
            elif ended:
                self._raise_error()
                return
            else:
                self._check_patience(elapsed_ms(waiting_since, self._clock()))

    def _take(self) -> tuple[Captured | None, bool]:
        """The frame in the slot, if one comes soon, and whether there will be no other."""
        with self._changed:
            if self._slot is None and not self._ended:
                self._changed.wait(POLL_S)
            captured, self._slot = self._slot, None
            return captured, self._ended

    def _read(self) -> None:
        try:
            for captured in timed(self._source, self._clock):
                if not self._put(captured):
                    return
        except BaseException as error:  # whatever kills this thread must reach the other one
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify()

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

    def _check_patience(self, silent_ms: float) -> None:
        if silent_ms > self._source.patience_s * 1e3:
            raise DeviceError(
                f"{self._source.name}: expected a frame, found none for {silent_ms / 1e3:.0f} s; "
                "check the camera's cable and power, then start again"
            )
