"""Cameras on a board's ribbon cable (CSI), by whatever reads them there. Untried: no such board was at hand.

From the makers' documentation:
https://datasheets.raspberrypi.com/camera/picamera2-manual.pdf,
https://libcamera.org/getting-started.html (libcamerasrc),
https://docs.nvidia.com/jetson/archives/r35.4.1/DeveloperGuide/text/SD/Multimedia/AcceleratedGstreamer.html (nvargus).
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from edgecls.errors import DeviceError
from edgecls.runtime.sources.camera import Camera
from edgecls.runtime.sources.gstreamer import gstreamer_camera, has_gstreamer
from edgecls.runtime.sources.picamera import picamera
from edgecls.runtime.sources.v4l2 import v4l2_camera
from edgecls.runtime.timing import Clock, monotonic

USUAL_SIZE = (1280, 720)
ARGUS_SOCKET = Path("/tmp/argus_socket")  # where NVIDIA's camera service listens

Mode = tuple[float | None, tuple[int, int]]  # frames a second, width and height in pixels


class Opener(Protocol):
    """One way to a camera."""

    def __call__(
        self, number: int, mode: Mode, *, stall_s: float | None, patient: bool, clock: Clock
    ) -> Camera: ...


def csi_camera(
    number: int,
    *,
    fps: float | None = None,
    size: tuple[int, int] | None = None,
    stall_s: float | None = None,
    patient: bool = False,
    clock: Clock = monotonic,
) -> Camera:
    """Camera `number` by picamera2, else by GStreamer (libcamera or nvargus), else as a V4L2 device.

    Raises DeviceError that tells of each way why it is none.
    """
    mode: Mode = (fps, size or USUAL_SIZE)
    reasons = []
    for way, opened in WAYS.items():
        try:
            return opened(number, mode, stall_s=stall_s, patient=patient, clock=clock)
        except DeviceError as error:
            reasons.append(f"{way}: {error}")
    raise DeviceError(f"csi://{number}: expected a camera, found none by any way. {'. '.join(reasons)}")


def libcamera_pipeline(number: int, mode: Mode) -> str:
    """libcamera's GStreamer element; it knows cameras by name only, so that only the first can be had by number."""
    if number:
        raise DeviceError(
            "libcamerasrc takes cameras by name; use --camera 'gst:libcamerasrc camera-name=...'"
        )
    return f"libcamerasrc ! video/x-raw,{_caps(mode)}"


def argus_pipeline(number: int, mode: Mode) -> str:
    """NVIDIA's element, whose pictures lie in the GPU's memory until nvvidconv brings them out."""
    caps = f"video/x-raw(memory:NVMM),{_caps(mode)}"
    return f"nvarguscamerasrc sensor-id={number} ! {caps} ! nvvidconv ! video/x-raw,format=BGRx"


def _caps(mode: Mode) -> str:
    fps, (width, height) = mode
    rate = f",framerate={round(fps * 1000)}/1000" if fps else ""
    return f"width={width},height={height}{rate}"


def _picamera(number: int, mode: Mode, *, stall_s: float | None, patient: bool, clock: Clock) -> Camera:
    return picamera(number, fps=mode[0], size=mode[1], stall_s=stall_s, patient=patient, clock=clock)


def _gstreamer(number: int, mode: Mode, *, stall_s: float | None, patient: bool, clock: Clock) -> Camera:
    if not has_gstreamer():
        raise DeviceError("this OpenCV was built without GStreamer")
    pipeline = argus_pipeline if ARGUS_SOCKET.exists() else libcamera_pipeline
    return gstreamer_camera(pipeline(number, mode), stall_s=stall_s, patient=patient, clock=clock)


def _v4l2(number: int, mode: Mode, *, stall_s: float | None, patient: bool, clock: Clock) -> Camera:
    return v4l2_camera(Path(f"/dev/video{number}"), fps=mode[0], size=mode[1], stall_s=stall_s, clock=clock)


WAYS: dict[str, Opener] = {
    "picamera2": _picamera,
    "GStreamer": _gstreamer,
    "V4L2": _v4l2,
}
