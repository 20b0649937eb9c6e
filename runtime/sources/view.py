"""View: another source turned, and cut to the part that matters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from edgecls.errors import DataError, UsageError
from edgecls.preprocess import Pixels
from edgecls.runtime.sources.source import Closing, Fault, Frame, FrameSource

TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}

_REGION = re.compile(r"(?P<width>\d+)x(?P<height>\d+)\+(?P<x>\d+)\+(?P<y>\d+)")


@dataclass(frozen=True)
class Region:
    """A part of a picture, in pixels from its upper left corner."""

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> Region:
        """From X11's geometry, WIDTHxHEIGHT+X+Y. Raises UsageError for anything else."""
        found = _REGION.fullmatch(text)
        if found is None or not int(found["width"]) or not int(found["height"]):
            raise UsageError(f"a region is WIDTHxHEIGHT+X+Y in pixels, found '{text}'; try 640x480+100+50")
        return cls(**{name: int(value) for name, value in found.groupdict().items()})

    def cut(self, pixels: Pixels) -> Pixels:
        """That part of a picture, (h, w, 3), not copied. Raises DataError when the picture does not hold it."""
        height, width = pixels.shape[:2]
        if self.x + self.width > width or self.y + self.height > height:
            raise DataError(
                f"expected a picture that holds the region {self.width}x{self.height}+{self.x}+{self.y}, found one of "
                f"{width}x{height}; change --roi"
            )
        return pixels[self.y : self.y + self.height, self.x : self.x + self.width]


class View(Closing):
    """Frames of `source` turned clockwise by `rotate` degrees (0, 90, 180, 270), then cut to `region`.

    A photo of a folder that does not hold the region becomes a Fault, and the others go on; a camera's frame that does
    not raises DataError.
    """

    def __init__(self, source: FrameSource, *, rotate: int = 0, region: Region | None = None) -> None:
        if rotate not in (0, *TURNS):
            raise UsageError(
                f"a picture is turned by 0, 90, 180 or 270 degrees, found {rotate}; choose one of these"
            )
        self.name, self.live, self.endless = source.name, source.live, source.endless
        self.sequence, self.patience_s, self.faults = source.sequence, source.patience_s, source.faults
        self._source, self._rotate, self._region = source, rotate, region

    def __iter__(self) -> Iterator[Frame]:
        seen, refused = 0, None
        for frame in self._source:
            try:
                view = replace(frame, pixels=self._seen(frame.pixels))
            except DataError as error:
                if self.sequence or frame.path is None:
                    raise
                refused = error
                self.faults.append(Fault(f"{frame.path}: {error}", frame.index, frame.path))
                continue
            seen += 1
            yield view
        if refused is not None and not seen:
            raise refused

    def close(self) -> None:
        self._source.close()

    def _seen(self, pixels: Pixels) -> Pixels:
        turned = np.asarray(cv2.rotate(pixels, TURNS[self._rotate]), np.uint8) if self._rotate else pixels
        return self._region.cut(turned) if self._region else turned
