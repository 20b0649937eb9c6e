"""Network cameras: RTSP and HTTP (MJPEG) through OpenCV's FFmpeg."""

from __future__ import annotations

import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import cv2

from edgecls.errors import DeviceError, UsageError
from edgecls.runtime.sources.camera import Camera, Limits
from edgecls.runtime.sources.capture import VideoCapture, quiet_opencv
from edgecls.runtime.sources.stream_clock import StreamClock
from edgecls.runtime.timing import Clock, monotonic

OPEN_S = 10.0
STALL_S = 20.0
PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
PROBE_S = 3.0


def _limits(read_s: float) -> Limits:
    """A server that ends gives False at once; one that freezes, reads of `read_s` that may give an old picture."""
    return Limits(dead_s=0.5, stall_s=2 * read_s, waits_s=read_s / 2, late_s=read_s * 0.95)


def _ffmpeg(url: str, read_s: float) -> VideoCapture:
    timeouts = [
        *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(OPEN_S * 1e3)),
        *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(read_s * 1e3)),
    ]
    return cv2.VideoCapture(url, cv2.CAP_FFMPEG, timeouts)


def network_camera(
    url: str,
    *,
    stall_s: float | None = None,
    patient: bool = False,
    clock: Clock = monotonic,
    opener: Callable[[str, float], VideoCapture] = _ffmpeg,
) -> Camera:
    """The stream at `url`. Raises DeviceError, unless `patient`, that says how far it came when there is none, and
    UsageError for an address that is none.

    Pictures that had piled up in the server or on the way when the stream was opened are passed over. RTSP's are
    dated by the server's own time stamps, so that one that waited anywhere is known to be old.
    """
    _check(url)
    name, read_s = without_password(url), (stall_s or STALL_S) / 2
    dated = StreamClock() if urlsplit(url).scheme.startswith("rtsp") else None

    def open_stream() -> VideoCapture:
        quiet_opencv()
        capture = opener(url, read_s)
        if not capture.isOpened():
            capture.release()
            raise DeviceError(f"{name}: expected a video stream, found none: {why_not(url)}")
        if dated is not None:
            dated.restart()
        return capture

    return Camera(name, open_stream, _limits(read_s), patient=patient, clock=clock, captured=dated)


def _check(url: str) -> None:
    """Raises UsageError, which does not repeat the address: it may hold a password."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host:
        raise UsageError(
            "a stream's address is SCHEME://[USER:PASSWORD@]HOST[:PORT]/PATH, found another; in user and password write "
            "%5B for [, %40 for @, %2F for /"
        )


def without_password(url: str) -> str:
    """The address as it may be shown: what stands before the @ may be a secret."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    shown = f"{user.partition(':')[0]}:***@{host}" if at and ":" in user else parts.netloc
    return parts._replace(netloc=shown).geturl()


def why_not(url: str) -> str:
    """How far one comes towards the server: for the sentence that says why there is no stream."""
    parts = urlsplit(url)
    try:
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        with socket.create_connection((host, port), timeout=PROBE_S):
            return f"{host}:{port} takes connections, but gives no video; check the path, the user and the password"
    except socket.gaierror:
        return f"no host is called {host}; check the name and the network"
    except (OSError, ValueError, OverflowError) as error:
        reason = "no answer in time" if isinstance(error, TimeoutError) else getattr(error, "strerror", None)
        return f"{reason or error}; check that the camera is on, and its address"
