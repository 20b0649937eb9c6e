"""Raspberry Pi camera modules through picamera2, the board maker's own library. Untried: no such board was at hand.

Follows the Picamera2 manual, https://datasheets.raspberrypi.com/camera/picamera2-manual.pdf: its "RGB888" lies in
memory as blue, green, red, which is OpenCV's order (4.2.2.2), and SensorTimestamp is nanoseconds of the boot clock.
"""

from __future__ import annotations

import time
from importlib.util import find_spec
from typing import Any

import cv2

from edgecls.errors import DeviceError
from edgecls.runtime.sources.camera import Camera, Limits
from edgecls.runtime.sources.v4l2 import taken
from edgecls.runtime.timing import Clock, monotonic

READ_S = 1.0
BUFFERS = 4


class PicameraCapture:
    """picamera2's camera, read as OpenCV's VideoCapture is."""

    def __init__(self, number: int, fps: float | None, size: tuple[int, int]) -> None:
        from picamera2 import Picamera2

        try:
            self._camera = Picamera2(number)
            controls = {"FrameRate": fps} if fps else {}
            self._camera.configure(
                self._camera.create_video_configuration(
                    main={"format": "RGB888", "size": size}, controls=controls, buffer_count=BUFFERS
                )
            )
            self._camera.start()
        except (RuntimeError, IndexError, OSError) as error:
            raise DeviceError(
                f"picamera://{number}: {error}; check the ribbon cable, and other programs"
            ) from error
        self._taken_ms = 0.0

    def isOpened(self) -> bool:
        return True

    def read(self) -> tuple[bool, Any]:
        """The next picture, uint8 BGR (h, w, 3), or (False, None) when none comes in time."""
        try:
            request = self._camera.wait(self._camera.capture_request(wait=False), timeout=READ_S)
        except (TimeoutError, RuntimeError):
            return False, None
        try:
            self._taken_ms = _monotonic_ms(request.get_metadata().get("SensorTimestamp", 0))
            return True, request.make_array("main")
        finally:
            request.release()

    def get(self, property: int, /) -> float:
        return self._taken_ms if property == cv2.CAP_PROP_POS_MSEC else 0.0

    def set(self, property: int, value: float, /) -> bool:
        return False

    def release(self) -> None:
        self._camera.close()


def _monotonic_ms(boot_ns: int) -> float:
    """A reading of the boot clock as one of the monotonic clock, which stands still while the machine sleeps."""
    return (boot_ns - time.clock_gettime_ns(time.CLOCK_BOOTTIME) + time.monotonic_ns()) / 1e6


def picamera(
    number: int,
    *,
    fps: float | None,
    size: tuple[int, int],
    stall_s: float | None = None,
    patient: bool = False,
    clock: Clock = monotonic,
) -> Camera:
    """Camera module `number`.

    Raises DeviceError when picamera2 is not installed and, unless `patient`, when the camera cannot be started.
    """
    name = f"picamera://{number}"
    if find_spec("picamera2") is None:
        raise DeviceError(
            f"{name}: expected the package picamera2, found none; install it with: apt install python3-picamera2, and "
            "make the environment with --system-site-packages"
        )
    return Camera(
        name,
        lambda: PicameraCapture(number, fps, size),
        Limits.of_device(stall_s, read_s=READ_S),
        patient=patient,
        clock=clock,
        captured=taken,
    )
