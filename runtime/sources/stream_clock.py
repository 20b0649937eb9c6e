"""StreamClock: when the pictures of a network stream were taken, by the server's own time stamps."""

from __future__ import annotations

import cv2

from edgecls.runtime.sources.capture import Capture

SETTLED = 0.75  # of real time: a stream that runs faster is giving what had piled up
LONGEST_SETTLE_NS = 3_000_000_000
WINDOW_NS = 60_000_000_000  # two clocks part by milliseconds in a minute


class StreamClock:
    """Reads a picture's time stamp and gives the Clock's reading when it was taken, give or take the shortest way here.

    The quickest picture of the last minute or two counts as one that waited nowhere; another is older by as much as
    it came later. This is the filter by the least delay of RFC 5905, Network Time Protocol, section 10, for one way.
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """A stream was opened: its time begins anew, and what piled up before comes first."""
        self._last: tuple[int, int] | None = None
        self._opened_ns: int | None = None
        self._settled = False
        self._least = self._least_before = 0
        self._window_ns: int | None = None

    def __call__(self, capture: Capture, now: int) -> int | None:
        """Nanoseconds of the Clock; None for a picture that had piled up before the stream was opened."""
        stamp = int(capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
        if not self._settle(stamp, now):
            return None
        delay = now - stamp
        if self._window_ns is None:
            self._least = self._least_before = delay
            self._window_ns = now
        elif now - self._window_ns > WINDOW_NS:
            self._least, self._least_before = delay, self._least
            self._window_ns = now
        self._least = min(self._least, delay)
        return min(now, stamp + min(self._least, self._least_before))

    def _settle(self, stamp: int, now: int) -> bool:
        """Whether pictures come as fast as they were taken, and no faster."""
        if self._settled:
            return True
        last, self._last = self._last, (stamp, now)
        if self._opened_ns is None:
            self._opened_ns = now
        taken, came = (stamp - last[0], now - last[1]) if last else (0, 0)
        # OpenCV gives the first two pictures the same stamp: only a step says something.
        self._settled = 0 < SETTLED * taken <= came or now - self._opened_ns > LONGEST_SETTLE_NS
        return self._settled
