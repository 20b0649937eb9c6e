"""Pictures: the newest frame as a JPEG, made once for all viewers and only for viewers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import cv2

from edgecls.errors import DeviceError
from edgecls.preprocess import Pixels
from edgecls.runtime.sources.source import Frame

LONGEST_SIDE = 960  # pixels: sharp on a phone and good enough on a wall, at some 100 kB
QUALITY = 80


@dataclass(frozen=True, eq=False)
class Picture:
    """A JPEG of `frame`; `number` tells it from the one before."""

    frame: Frame
    number: int
    jpeg: bytes


class Pictures:
    """`frame` is set by the run, whatever the rate; `develop` makes the JPEG when somebody waits for one."""

    def __init__(self) -> None:
        self.frame: Frame | None = None
        self.newest: Picture | None = None
        self._waiting = 0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Somebody waits for a picture inside the block."""
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    @property
    def due(self) -> bool:
        """Somebody waits, and there is a frame that has no JPEG yet."""
        return self._waiting > 0 and self.frame is not None and not self.fresh

    @property
    def fresh(self) -> bool:
        """The newest JPEG is of the newest frame."""
        return self.newest is not None and self.newest.frame is self.frame

    def develop(self) -> None:
        """Make the JPEG of the newest frame: some milliseconds. Raises DeviceError for what is no picture."""
        frame = self.frame
        if frame is not None:
            number = self.newest.number + 1 if self.newest else 1
            self.newest = Picture(frame, number, encode(frame.pixels))


def encode(pixels: Pixels) -> bytes:
    """A JPEG of uint8 BGR (h, w, 3), no side of it longer than LONGEST_SIDE."""
    height, width = pixels.shape[:2]
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) if scale < 1 else pixels
    done, jpeg = cv2.imencode(".jpg", small, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))
    if not done:
        raise DeviceError(f"preview: a frame of {width}x{height} cannot be made a JPEG; report this")
    return jpeg.tobytes()
