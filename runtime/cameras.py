"""V4L2Camera: a camera at /dev/videoN, through OpenCV."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2

from edgecls.errors import DeviceError
from edgecls.runtime.capture import Capture, VideoCapture, quiet_opencv
from edgecls.runtime.sources import Closing, Fault, Frame
from edgecls.runtime.timing import Clock, elapsed_ms, monotonic

PATIENCE_S = 5.0  # reads that wait in vain, as those of a camera that is slow to start
DEAD_MS = 2000.0  # reads that fail at once
READ_S = 1  # how long a read waits, in whole seconds
RETRY_S = 0.05


def _v4l2(device: Path) -> VideoCapture:
    # OpenCV waits 10 s: a thread that is still in there when Python ends aborts the whole process.
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(READ_S))
    return cv2.VideoCapture(str(device), cv2.CAP_V4L2)


def present_cameras(folder: Path = Path("/dev")) -> list[str]:
    """The video devices of this machine, e.g. /dev/video0; not every one of them needs to be a camera."""
    return sorted((str(path) for path in folder.glob("video*")), key=lambda name: (len(name), name))


class V4L2Camera(Closing):
    """A live camera. Only a frame proves that it works: OpenCV's isOpened() stays True for a dead one.

    Raises DeviceError when the device is absent, may not be read or does not open; iterating raises it when
    reads fail for two seconds, or wait in vain for five.
    """

    live = True
    patience_s = PATIENCE_S

    def __init__(
        self,
        device: Path,
        *,
        fps: float | None = None,
        size: tuple[int, int] | None = None,
        clock: Clock = monotonic,
        opener: Callable[[Path], VideoCapture] = _v4l2,
    ) -> None:
        _check_device(device)
        quiet_opencv()
        capture = opener(device)
        if not capture.isOpened():
            raise DeviceError(
                f"camera {device}: the device is there but does not open as a camera; close other programs "
                f"that use it, or choose another source with --camera (present: {_present(device)})"
            )
        _ask_for(capture, fps, size)
        self.name = str(device)
        self.faults: deque[Fault] = deque()
        self._capture = Capture(capture)
        self._clock = clock

    def __iter__(self) -> Iterator[Frame]:
        index, alive_ns = 0, self._clock()
        while not self._capture.closed:
            asked_ns = self._clock()
            pixels = self._capture.read()
            now = self._clock()
            if pixels is not None:
                yield Frame(pixels, index, now)
                index, alive_ns = index + 1, self._clock()
            elif not self._capture.closed:
                waited = elapsed_ms(asked_ns, now) >= READ_S * 1e3 / 2
                self._check_alive(index, elapsed_ms(alive_ns, now), PATIENCE_S * 1e3 if waited else DEAD_MS)
                self._capture.wait(RETRY_S)  # a dead camera answers at once, thousands of times a second

    def close(self) -> None:
        self._capture.close()

    def _check_alive(self, frames: int, silent_ms: float, limit_ms: float) -> None:
        if silent_ms < limit_ms:
            return
        what = f"stopped giving frames after {frames}" if frames else "opened but gave no frame"
        raise DeviceError(f"camera {self.name}: {what}; check its cable and power, then start again")


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


def _ask_for(capture: VideoCapture, fps: float | None, size: tuple[int, int] | None) -> None:
    """Ask for a mode; a camera gives the nearest one it has. A queue of one frame keeps frames young."""
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    if size is not None:
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
    if fps is not None:
        capture.set(cv2.CAP_PROP_FPS, fps)
