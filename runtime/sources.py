"""FrameSource: where pictures come from, and the one grammar that names every source."""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from edgecls.errors import DataError, DeviceError, UsageError
from edgecls.preprocess import Pixels
from edgecls.runtime.timing import Clock, monotonic

GRAMMAR = "a camera number, /dev/videoN, a photo, a video, a folder, a glob or synthetic://640x480@30"
LATER = frozenset({"csi", "picamera", "rtsp", "http", "https", "gst"})
USUAL_FPS = 30.0

Closer = TypeVar("Closer", bound="Closing")

_SCHEME = re.compile(r"(?P<scheme>[a-z][a-z0-9+]*)://|(?P<gst>gst):")
_SYNTHETIC = re.compile(r"synthetic://(?P<width>\d+)x(?P<height>\d+)(@(?P<fps>\d+(\.\d+)?))?")


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a source: uint8 BGR of shape (h, w, 3).

    `index` counts within the source from 0, pictures that could not be read included. `captured_ns` is the
    Clock's reading when the pixels were there. `path` is the photo or video they came from.
    """

    pixels: Pixels
    index: int
    captured_ns: int
    path: Path | None = None


@dataclass(frozen=True)
class Fault:
    """One sentence about a picture that was passed over, or about the end of everything when `fatal`."""

    message: str
    index: int | None = None
    path: Path | None = None
    fatal: bool = False


class FrameSource(Protocol):
    """Gives Frames in order; iterate once.

    A `live` source goes on whether or not somebody looks, so its reader keeps the newest frame only; of the
    others no frame is ever left out. `faults` holds what was passed over since somebody last emptied it. A
    live source that gives nothing for `patience_s` seconds counts as dead.
    """

    name: str
    live: bool
    patience_s: float
    faults: deque[Fault]

    def __iter__(self) -> Iterator[Frame]:
        """Raises DeviceError or DataError when the source fails as a whole."""
        ...

    def close(self) -> None:
        """Free the source and let a running iteration end soon; from any thread, any number of times."""
        ...

    def __enter__(self) -> FrameSource: ...

    def __exit__(self, *error: object) -> None: ...


class Closing:
    """What makes a source with `close` a context manager."""

    def __enter__(self: Closer) -> Closer:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        raise NotImplementedError


def open_source(
    uri: str,
    *,
    fps: float | None = None,
    size: tuple[int, int] | None = None,
    live: bool = False,
    clock: Clock = monotonic,
) -> FrameSource:
    """Open the source that `uri` names.

    `size` is (width, height) in pixels and with `fps` asks a camera for its mode. `live` replays files as if
    a camera saw them, `fps` pictures a second. Raises UsageError for options that do not fit the source,
    DeviceError for a camera that is absent or does not open, DataError for files that are not there or no
    pictures.
    """
    _check_options(fps, size)
    scheme = _scheme(uri)
    if scheme in LATER:
        raise DeviceError(f"{scheme} sources are not supported yet; expected {GRAMMAR}")
    if scheme == "synthetic":
        return _open_synthetic(uri, fps=fps, size=size, clock=clock)
    if scheme is not None:
        raise UsageError(f"expected {GRAMMAR}, found '{scheme}://'; choose one of these")
    if uri.isdecimal() or uri.startswith("/dev/video"):
        return _open_camera(uri, fps=fps, size=size, clock=clock)
    return _open_files(uri, fps=fps, size=size, live=live, clock=clock)


def _check_options(fps: float | None, size: tuple[int, int] | None) -> None:
    if fps is not None and not (math.isfinite(fps) and fps > 0):
        raise UsageError(f"frames per second must be positive, found {fps}")
    if size is not None and min(size) < 1:
        raise UsageError(f"a frame size must be positive, found {size[0]}x{size[1]}")


def _scheme(uri: str) -> str | None:
    found = _SCHEME.match(uri)
    return (found["scheme"] or found["gst"]) if found else None


def _open_synthetic(
    uri: str, *, fps: float | None, size: tuple[int, int] | None, clock: Clock
) -> FrameSource:
    from edgecls.runtime.replay import PacedSource
    from edgecls.runtime.synthetic import SyntheticSource

    found = _SYNTHETIC.fullmatch(uri)
    if found is None:
        raise UsageError(f"expected synthetic://WIDTHxHEIGHT@FPS, found '{uri}'; try synthetic://640x480@30")
    width, height = size or (int(found["width"]), int(found["height"]))
    rate = fps or float(found["fps"] or USUAL_FPS)
    _check_options(rate, (width, height))
    return PacedSource(SyntheticSource(width, height, name=uri, clock=clock), rate, clock=clock)


def _open_camera(uri: str, *, fps: float | None, size: tuple[int, int] | None, clock: Clock) -> FrameSource:
    from edgecls.runtime.cameras import V4L2Camera

    device = Path(f"/dev/video{int(uri)}" if uri.isdecimal() else uri)
    return V4L2Camera(device, fps=fps, size=size, clock=clock)


def _open_files(
    uri: str, *, fps: float | None, size: tuple[int, int] | None, live: bool, clock: Clock
) -> FrameSource:
    from edgecls.runtime.replay import PacedSource, open_replay

    if size is not None:
        raise UsageError(f"a frame size can be asked of a camera only, found the files {uri}; leave it out")
    if fps is not None and not live:
        raise UsageError("files are replayed one by one, without a rate; add --live to replay them at --fps")
    replay = open_replay(uri, clock=clock)
    return PacedSource(replay, fps or replay.fps, clock=clock) if live else replay


def absent(uri: str) -> DataError:
    """The error for a name that is no source at all."""
    return DataError(f"{uri}: expected {GRAMMAR}, found nothing there; check the path")
