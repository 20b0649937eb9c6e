"""Replay: files as a source of frames, one by one."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import cv2

from edgecls.errors import DataError
from edgecls.images import is_photo
from edgecls.runtime.sources.capture import Capture, quiet_opencv
from edgecls.runtime.sources.photos import PhotoSource, find_photos
from edgecls.runtime.sources.source import USUAL_FPS, Closing, Fault, Frame
from edgecls.runtime.timing import Clock, monotonic

FASTEST_FPS = 1000.0


class VideoSource(Closing):
    """Every frame of a video file, in order.

    `fps` is the file's own rate. Raises DataError when the file is no video; iterating raises it when the
    video holds no frame.
    """

    live = False
    patience_s = float("inf")

    def __init__(self, path: Path, *, clock: Clock = monotonic) -> None:
        quiet_opencv()
        capture = cv2.VideoCapture(str(path))
        if not capture.isOpened():
            raise DataError(f"{path}: expected a photo or a video, found neither; choose another file")
        self.name = str(path)
        self.fps = _rate(capture.get(cv2.CAP_PROP_FPS))
        self.faults: deque[Fault] = deque()
        self._path = path
        self._capture = Capture(capture)
        self._clock = clock

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        while (pixels := self._capture.read()) is not None:
            yield Frame(pixels, index, self._clock(), self._path, media_ns=int(index * 1e9 / self.fps))
            index += 1
        if not index and not self._capture.closed:
            raise DataError(f"{self.name}: expected a video with frames, found none in it; copy it again")

    def close(self) -> None:
        self._capture.close()


def _rate(said: float) -> float:
    """The rate a file says it has, or the usual one: broken headers say 0, NaN or a time base of 90000."""
    return said if math.isfinite(said) and 0 < said <= FASTEST_FPS else USUAL_FPS


def open_replay(uri: str, *, clock: Clock = monotonic) -> PhotoSource | VideoSource:
    """Open a photo, a folder, a glob or a video. Raises DataError when it is none of them."""
    photos = find_photos(uri)
    if photos == [Path(uri)] and not _is_picture(photos[0]):
        return VideoSource(photos[0], clock=clock)
    return PhotoSource(photos, name=uri, clock=clock)


def _is_picture(path: Path) -> bool:
    quiet_opencv()
    return is_photo(path) or cv2.haveImageReader(str(path))
