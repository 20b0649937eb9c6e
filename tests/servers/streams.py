"""Real stream servers, each a process that a test may kill, freeze and start again."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVERS = Path(__file__).parent
SYSTEM_PYTHON = "/usr/bin/python3"  # Debian's, which has GStreamer's bindings
_HAS_RTSP = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


class StreamServer:
    """One stream server on a port of its own: `rtsp` or `http`."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"{self.kind}://127.0.0.1:{self.port}/live"

    def start(self, *arguments: str) -> None:
        python, script = (
            (SYSTEM_PYTHON, "rtsp_server.py") if self.kind == "rtsp" else (sys.executable, "mjpeg_server.py")
        )
        command = [python, str(SERVERS / script), str(self.port), *arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()


@pytest.fixture(params=["rtsp", "http"])
def server(request: pytest.FixtureRequest) -> Iterator[StreamServer]:
    if request.param == "rtsp" and not _has_rtsp():
        pytest.skip("needs Debian's gir1.2-gst-rtsp-server-1.0, python3-gi and gstreamer1.0-plugins-ugly")
    made = StreamServer(request.param)
    yield made
    made.kill()


@pytest.fixture
def http_server() -> Iterator[StreamServer]:
    made = StreamServer("http")
    yield made
    made.kill()


def _has_rtsp() -> bool:
    if not Path(SYSTEM_PYTHON).exists():
        return False
    return subprocess.run([SYSTEM_PYTHON, "-c", _HAS_RTSP], capture_output=True, check=False).returncode == 0
