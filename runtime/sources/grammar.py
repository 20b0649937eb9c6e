"""The one grammar that names every source, and how each is opened."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgecls.errors import DataError, UsageError
from edgecls.runtime.sources.source import USUAL_FPS, FrameSource
from edgecls.runtime.timing import Clock, monotonic

GRAMMAR = (
    "a camera number, /dev/videoN, csi://0, picamera://0, rtsp://..., http://..., gst:PIPELINE, a photo, a video, "
    "a folder, a glob or synthetic://640x480@30"
)

_SCHEME = re.compile(r"(?P<scheme>[a-z][a-z0-9+]*)://|(?P<gst>gst):")
_SYNTHETIC = re.compile(r"synthetic://(?P<width>\d+)x(?P<height>\d+)(@(?P<fps>\d+(\.\d+)?))?")
_NUMBERED = re.compile(r"(csi|picamera)://(?P<number>\d+)")


@dataclass(frozen=True)
class Asked:
    """What is asked of a source beside its name.

    `size` is (width, height) in pixels and with `fps` the mode of a camera. `live` replays files as if a camera saw
    them, `fps` pictures a second. `patient`: a device may be absent at first and come later; one that gives nothing for
    `stall_s` seconds (None: 5, over a network 20) is opened anew. Pictures are turned clockwise by `rotate` degrees, and
    then cut to the region `roi`, WIDTHxHEIGHT+X+Y.
    """

    fps: float | None = None
    size: tuple[int, int] | None = None
    live: bool = False
    patient: bool = False
    stall_s: float | None = None
    rotate: int = 0
    roi: str | None = None


def open_source(uri: str, asked: Asked | None = None, *, clock: Clock = monotonic) -> FrameSource:
    """Open the source that `uri` names.

    Raises UsageError for options that do not fit the source, DeviceError for a camera that is absent or does not
    open, DataError for files that are not there or no pictures.
    """
    asked = asked or Asked()
    _check(asked.fps, asked.size)
    if asked.stall_s is not None and not asked.stall_s > 0:
        raise UsageError(f"seconds without a frame must be positive, found {asked.stall_s}; try --stall 5")
    if not asked.rotate and asked.roi is None:
        return OPENERS[source_kind(uri)](uri, asked, clock)
    from edgecls.runtime.sources.view import Region, View

    region = None if asked.roi is None else Region.parse(asked.roi)
    return View(OPENERS[source_kind(uri)](uri, asked, clock), rotate=asked.rotate, region=region)


def source_kind(uri: str) -> str:
    """Which of OPENERS `uri` is for. Raises UsageError for a scheme that is none of them."""
    if not uri.strip():
        raise UsageError(f"expected {GRAMMAR}, found nothing; name one")
    found = _SCHEME.match(uri)
    if found is None:
        return "camera" if uri.isdecimal() or uri.startswith("/dev/video") else "files"
    scheme = found["scheme"] or found["gst"]
    if scheme not in OPENERS:
        raise UsageError(f"expected {GRAMMAR}, found '{scheme}://'; choose one of these")
    return scheme


def _check(fps: float | None, size: tuple[int, int] | None) -> None:
    if fps is not None and not (math.isfinite(fps) and fps > 0):
        raise UsageError(f"frames per second must be positive, found {fps}; try --fps 30")
    if size is not None and min(size) < 1:
        raise UsageError(f"a frame size must be positive, found {size[0]}x{size[1]}; try --size 1280x720")


def _open_synthetic(uri: str, asked: Asked, clock: Clock) -> FrameSource:
    from edgecls.runtime.sources.paced import PacedSource
    from edgecls.runtime.sources.synthetic import SyntheticSource

    found = _SYNTHETIC.fullmatch(uri)
    if found is None:
        raise UsageError(f"expected synthetic://WIDTHxHEIGHT@FPS, found '{uri}'; try synthetic://640x480@30")
    width, height = asked.size or (int(found["width"]), int(found["height"]))
    rate = asked.fps or float(found["fps"] or USUAL_FPS)
    _check(rate, (width, height))
    return PacedSource(SyntheticSource(width, height, name=uri, clock=clock), rate, clock=clock)


def _open_camera(uri: str, asked: Asked, clock: Clock) -> FrameSource:
    from edgecls.runtime.sources.v4l2 import v4l2_camera

    device = Path(f"/dev/video{int(uri)}" if uri.isdecimal() else uri)
    return v4l2_camera(
        device, fps=asked.fps, size=asked.size, stall_s=asked.stall_s, patient=asked.patient, clock=clock
    )


def _open_csi(uri: str, asked: Asked, clock: Clock) -> FrameSource:
    from edgecls.runtime.sources.csi import csi_camera

    return csi_camera(
        _number(uri),
        fps=asked.fps,
        size=asked.size,
        stall_s=asked.stall_s,
        patient=asked.patient,
        clock=clock,
    )


def _open_picamera(uri: str, asked: Asked, clock: Clock) -> FrameSource:
    from edgecls.runtime.sources.csi import USUAL_SIZE
    from edgecls.runtime.sources.picamera import picamera

    size = asked.size or USUAL_SIZE
    return picamera(
        _number(uri), fps=asked.fps, size=size, stall_s=asked.stall_s, patient=asked.patient, clock=clock
    )


def _number(uri: str) -> int:
    found = _NUMBERED.fullmatch(uri)
    if found is None:
        raise UsageError(f"expected a camera's number, found '{uri}'; try csi://0 or picamera://0")
    return int(found["number"])


def _open_network(uri: str, asked: Asked, clock: Clock) -> FrameSource:
    from edgecls.runtime.sources.network import network_camera

    _refuse_mode(asked, "a network stream has the size and rate its server gives it")
    return network_camera(uri, stall_s=asked.stall_s, patient=asked.patient, clock=clock)


def _open_pipeline(uri: str, asked: Asked, clock: Clock) -> FrameSource:
    from edgecls.runtime.sources.gstreamer import gstreamer_camera

    _refuse_mode(asked, "a pipeline says its size and rate itself, as caps")
    description = uri.removeprefix("gst:").strip()
    return gstreamer_camera(description, stall_s=asked.stall_s, patient=asked.patient, clock=clock)


def _refuse_mode(asked: Asked, why: str) -> None:
    if asked.size is not None or asked.fps is not None:
        raise UsageError(f"{why}; leave --size and --fps out")


def _open_files(uri: str, asked: Asked, clock: Clock) -> FrameSource:
    from edgecls.runtime.sources.paced import PacedSource
    from edgecls.runtime.sources.replay import open_replay

    if asked.size is not None:
        raise UsageError(f"a frame size can be asked of a camera only, found the files {uri}; leave it out")
    if asked.fps is not None and not asked.live:
        raise UsageError("files are replayed one by one, without a rate; add --live to replay them at --fps")
    replay = open_replay(uri, clock=clock)
    return PacedSource(replay, asked.fps or replay.fps, clock=clock) if asked.live else replay


OPENERS: dict[str, Callable[[str, Asked, Clock], FrameSource]] = {
    "camera": _open_camera,
    "files": _open_files,
    "synthetic": _open_synthetic,
    "csi": _open_csi,
    "picamera": _open_picamera,
    "rtsp": _open_network,
    "rtsps": _open_network,
    "http": _open_network,
    "https": _open_network,
    "gst": _open_pipeline,
}


def absent(uri: str) -> DataError:
    """The error for a name that is no source at all."""
    return DataError(f"{uri}: expected {GRAMMAR}, found nothing there; check the path")
