"""Capture: OpenCV's VideoCapture made quiet, and safe to close while another thread reads from it."""

from __future__ import annotations

import os
import threading
from typing import Any, Protocol

import cv2
import numpy as np

from edgecls.preprocess import Pixels

CLOSE_WAIT_S = 1.0


class VideoCapture(Protocol):
    """What edgecls uses of cv2.VideoCapture."""

    def isOpened(self) -> bool: ...

    def read(self) -> tuple[bool, Any]: ...

    def get(self, property: int, /) -> float: ...

    def set(self, property: int, value: float, /) -> bool: ...

    def release(self) -> None: ...


def quiet_opencv() -> None:
    """Keep the warnings of OpenCV and FFmpeg off the user's terminal; edgecls says what went wrong itself.

    FFmpeg's level is read by OpenCV from the environment when the first video is opened; -8 is AV_LOG_QUIET.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    set_level = getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel  # OpenCV 4, OpenCV 5
    set_level(0)  # LOG_LEVEL_SILENT


class Capture:
    """A VideoCapture behind a lock: OpenCV crashes when one is released while a thread reads from it."""

    def __init__(self, capture: VideoCapture) -> None:
        self._capture: VideoCapture | None = capture
        self._lock = threading.Lock()
        self._closing = threading.Event()

    @property
    def closed(self) -> bool:
        return self._closing.is_set()

    def read(self) -> Pixels | None:
        """The next picture, uint8 BGR (h, w, 3); None when there is none or the capture is closed."""
        with self._lock:
            if self._capture is None or self.closed:
                return None
            got, pixels = self._capture.read()
        return np.asarray(pixels, np.uint8) if got and pixels is not None else None

    def get(self, property: int) -> float:
        """What OpenCV says of `property` (cv2.CAP_PROP_...); 0 when the capture is closed."""
        with self._lock:
            return 0.0 if self._capture is None else self._capture.get(property)

    def wait(self, seconds: float) -> None:
        """Sleep, but wake up when somebody closes the capture."""
        self._closing.wait(seconds)

    def close(self) -> None:
        """Release the capture. A read that still blocks after a second keeps it until the process ends."""
        self._closing.set()
        if not self._lock.acquire(timeout=CLOSE_WAIT_S):
            return
        try:
            if self._capture is not None:
                self._capture.release()
            self._capture = None
        finally:
            self._lock.release()
