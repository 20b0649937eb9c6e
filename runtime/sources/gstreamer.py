"""GStreamer pipelines as sources, where OpenCV was built with GStreamer."""

from __future__ import annotations

import re
from collections.abc import Callable

import cv2

from edgecls.devices.checks import video_features
from edgecls.errors import DeviceError
from edgecls.runtime.sources.camera import Camera, Limits
from edgecls.runtime.sources.capture import VideoCapture, quiet_opencv
from edgecls.runtime.timing import Clock, monotonic

OPEN_S = 10.0
READ_S = 1.0
# One picture is kept, and a newer one takes its place: https://gstreamer.freedesktop.org/documentation/app/appsink.html
SINK = "videoconvert ! video/x-raw,format=BGR ! appsink drop=true max-buffers=1 sync=false"


_SECRET = re.compile(r"\b([\w-]*(?:pw|pass|password|token)\s*=\s*)(\"[^\"]*\"|\S+)")


def without_secrets(pipeline: str) -> str:
    """The pipeline as it may be shown: properties such as rtspsrc's user-pw, and passwords of addresses, are not."""
    shown = _SECRET.sub(r"\1***", pipeline)
    return re.sub(r"(\w+://[^\s:/@]+):[^\s@]+@", r"\1:***@", shown)


def has_gstreamer() -> bool:
    """Whether this OpenCV reads GStreamer pipelines; PyPI's do not, Debian's python3-opencv does."""
    return video_features(cv2.getBuildInformation())["GStreamer"]


def _gstreamer(pipeline: str) -> VideoCapture:
    timeouts = [
        *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(OPEN_S * 1e3)),
        *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(READ_S * 1e3)),
    ]
    return cv2.VideoCapture(pipeline, cv2.CAP_GSTREAMER, timeouts)


def gstreamer_camera(
    description: str,
    *,
    stall_s: float | None = None,
    patient: bool = False,
    clock: Clock = monotonic,
    opener: Callable[[str], VideoCapture] = _gstreamer,
) -> Camera:
    """A pipeline as gst-launch-1.0 takes it, e.g. "v4l2src ! image/jpeg ! jpegdec".

    What turns its pictures into OpenCV's is added unless it has an appsink of its own. Raises DeviceError when OpenCV
    has no GStreamer and, unless `patient`, when the pipeline does not play.
    """
    if not has_gstreamer() and opener is _gstreamer:
        raise DeviceError(
            "expected an OpenCV with GStreamer, found one without; use the system's own "
            "(Debian's python3-opencv, in an environment made with --system-site-packages), or another source"
        )
    shown = without_secrets(description)
    pipeline = description if "appsink" in description else f"{description} ! {SINK}"

    def play() -> VideoCapture:
        quiet_opencv()
        capture = opener(pipeline)
        if not capture.isOpened():
            capture.release()
            raise DeviceError(
                f"expected a pipeline that plays, found one that does not; try it alone: gst-launch-1.0 {shown} "
                "! fakesink"
            )
        return capture

    limits = Limits.of_device(stall_s, read_s=READ_S)
    return Camera(f"gst:{shown}", play, limits, patient=patient, clock=clock)
