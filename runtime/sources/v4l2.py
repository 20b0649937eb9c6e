"""Cameras at /dev/videoN, through OpenCV."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import cv2

from edgecls.errors import DeviceError
from edgecls.runtime.sources.camera import Camera, Limits
from edgecls.runtime.sources.capture import Capture, VideoCapture, quiet_opencv
from edgecls.runtime.timing import Clock, monotonic

READ_S = 1  # how long a read waits, in whole seconds
OLDEST_NS = 2_000_000_000  # a driver whose time says more has another clock


def _v4l2(device: Path) -> VideoCapture:
    # OpenCV waits 10 s: a thread that is still in there when Python ends aborts the whole process.
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(READ_S))
    return cv2.VideoCapture(str(device), cv2.CAP_V4L2)


def present_cameras(folder: Path = Path("/dev")) -> list[str]:
    """The video devices of this machine, e.g. /dev/video0; not every one of them needs to be a camera."""
    return sorted((str(path) for path in folder.glob("video*")), key=lambda name: (len(name), name))


def v4l2_camera(
    device: Path,
    *,
    fps: float | None = None,
    size: tuple[int, int] | None = None,
    stall_s: float | None = None,
    patient: bool = False,
    clock: Clock = monotonic,
    opener: Callable[[Path], VideoCapture] = _v4l2,
) -> Camera:
    """The camera at `device`. Raises DeviceError, unless `patient`, when it is absent, may not be read or does not open.

    Frames are dated by the driver where its clock is ours (V4L2's monotonic timestamps, in ms).
    """

    def open_device() -> VideoCapture:
        _check_device(device)
        quiet_opencv()
        capture = opener(device)
        if not capture.isOpened():
            capture.release()
            raise DeviceError(
                f"camera {device}: the device is there but does not open as a camera; close other programs "
                f"that use it, or choose another source with --camera (present: {_present(device)})"
            )
        ask_for(capture, fps, size)
        return capture

    limits = Limits.of_device(stall_s, read_s=READ_S)
    return Camera(str(device), open_device, limits, patient=patient, clock=clock, captured=taken)


def taken(capture: Capture, now: int) -> int:
    """When the driver had the picture: its own time, if that is of our clock."""
    taken = int(capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
    return taken if now - OLDEST_NS < taken <= now else now


def _check_device(device: Path) -> None:
    if not device.exists():
        raise DeviceError(
            f"camera {device}: expected a video device, found none there (present: {_present(device)}); "
            "plug a camera in or choose another source with --camera"
        )
    if not os.access(device, os.R_OK | os.W_OK):
        raise DeviceError(
            f"camera {device}: this user may not read it; add the user to the group 'video' and log in again"
        )


def _present(device: Path) -> str:
    return ", ".join(present_cameras(device.parent)) or f"no {device.parent}/video* at all"


def ask_for(capture: VideoCapture, fps: float | None, size: tuple[int, int] | None) -> None:
    """Ask for a mode; a camera gives the nearest one it has. A queue of one frame keeps frames young."""
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    if size is not None:
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
    if fps is not None:
        capture.set(cv2.CAP_PROP_FPS, fps)
