"""A preview that is asked over HTTP, and a headless Chromium that says what its page shows."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.devices.health import Health
from edgecls.prediction import Prediction
from edgecls.runtime.preview.sink import PreviewSink
from edgecls.runtime.sinks.sink import Losses, Result, StagesMs, Summary
from edgecls.runtime.sources.source import Frame
from edgecls.runtime.watcher import Seen

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
PATIENCE_S = 20.0


class Browser:
    """Driven over a pipe (Chrome DevTools Protocol). One page of `width` x `height` CSS pixels; a context manager."""

    def __init__(self, folder: Path, *, width: int = 1280, height: int = 800) -> None:
        self._folder, self._size = folder, (width, height)
        self._number = 0
        self._text = b""
        self.errors: list[str] = []
        self.requests: list[str] = []

    def __enter__(self) -> Browser:
        assert CHROMIUM is not None
        to_read, self._to = _pipe()
        self._from, to_write = _pipe()
        size = f"--window-size={self._size[0]},{self._size[1]}"
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={self._folder}", size, "about:blank"]
        # Chromium reads its orders from handle 3 and answers on 4.
        actions: list[tuple[Any, ...]] = [
            (os.POSIX_SPAWN_DUP2, to_read, 3),
            (os.POSIX_SPAWN_DUP2, to_write, 4),
        ]
        actions += [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
        self._pid = os.posix_spawn(CHROMIUM, command, os.environ, file_actions=actions, setpgroup=0)
        os.close(to_read)
        os.close(to_write)
        self._session = ""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.resize(*self._size)
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._to)
        os.close(self._from)

    def open(self, address: str) -> None:
        self.send("Page.navigate", url=address)

    def resize(self, width: int, height: int, *, scale: float = 1.0) -> None:
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=scale, mobile=width < 600,
        )  # fmt: skip

    def prefer(self, **features: str) -> None:
        """E.g. prefer(color_scheme="dark")."""
        wanted = [
            {"name": f"prefers-{name.replace('_', '-')}", "value": value} for name, value in features.items()
        ]
        self.send("Emulation.setEmulatedMedia", features=wanted)

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page."""
        found = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return found["result"].get("value")

    def text(self, name: str) -> str:
        """What an element of this id shows."""
        return str(self.ask(f"document.getElementById({name!r})?.innerText ?? ''"))

    def wait_for(self, expression: str) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.ask(f"Boolean({expression})"):
            assert time.monotonic() < deadline, (
                f"{expression} did not come true: {self.ask('document.body.innerText')}"
            )
            time.sleep(0.05)

    def shoot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        order: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            order["sessionId"] = self._session
        os.write(self._to, json.dumps(order).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE_S
        while (answer := self._next(deadline)).get("id") != self._number:
            self._note(answer)
        assert "error" not in answer, answer
        return dict(answer["result"])

    def _note(self, event: dict[str, Any]) -> None:
        parameters = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(parameters["exceptionDetails"]))
        elif event.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.errors.append(parameters["entry"]["text"] + " " + parameters["entry"].get("url", ""))
        elif event.get("method") == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])

    def _next(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._text:
            left = deadline - time.monotonic()
            ready = select.select([self._from], [], [], max(left, 0))[0]
            assert ready, "Chromium does not answer"
            data = os.read(self._from, 1 << 20)
            assert data, "Chromium ended"
            self._text += data
        text, _, self._text = self._text.partition(b"\0")
        return dict(json.loads(text))


class Site:
    """A preview, and what viewers do with it."""

    def __init__(self) -> None:
        self.sink = PreviewSink(port=0, health=lambda: Health(51.0, None, False, None))

    def get(self, path: str) -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection("127.0.0.1", self.sink.port, timeout=PATIENCE_S)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer, body

    def listen(self) -> HTTPResponse:
        """An open stream of messages."""
        connection = HTTPConnection("127.0.0.1", self.sink.port, timeout=PATIENCE_S)
        connection.request("GET", "/events.sse")
        return connection.getresponse()

    def hear(self, stream: HTTPResponse) -> tuple[dict[str, Any], dict[str, Any]]:
        """The next message: what all hear, and what is new for this viewer."""
        line = stream.readline()
        assert stream.readline() == b"\n"
        shared, own = json.loads(line.removeprefix(b"data: "))
        return shared, own

    def until(self, true: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < deadline, "did not come true in time"
            time.sleep(0.01)

    def result(self, index: int = 0, *, pixels: Any = None) -> Result:
        pixels = np.full((30, 40, 3), 90, np.uint8) if pixels is None else pixels
        frame = Frame(pixels, index, time.monotonic_ns())
        found = Prediction(0, "red", 0.75, False, (("red", 0.75), ("blue", 0.25)))
        seen = Seen(0, "red", 0.9, frame.captured_ns - 2_000_000_000)
        return Result(frame, time.time_ns(), 20.0, found, StagesMs(30, 2, 3, 0.4), Losses(5, 1), seen, True)

    @contextlib.contextmanager
    def feed(self, pixels: Any = None) -> Iterator[None]:
        """Inside the block a result comes every few milliseconds."""
        done = threading.Event()

        def run() -> None:
            index = 0
            while not done.wait(0.01):
                self.sink.result(self.result(index, pixels=pixels))
                index += 1

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    with contextlib.suppress(Exception):
        site.sink.close(Summary(7, Losses(), 0, 0, {}, 1.0, {}))


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """A page that is nowhere yet."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    with Browser(tmp_path / "profile") as browser:
        yield browser


def _pipe() -> tuple[int, int]:
    """A pipe whose ends are clear of the handles that they are to become."""
    ends = os.pipe()
    reading, writing = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 64) for end in ends)
    for end in ends:
        os.close(end)
    return reading, writing
