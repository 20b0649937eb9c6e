"""A web server that takes what a webhook posts, and answers as a test wants."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.servers.waiting import DEADLINE_S

Answer = int | str | tuple[int, dict[str, str]]


class Receiver:
    """A web server; it gives the answers of `answers` in turn, then 200. "hang" and "close" are no answers at all."""

    def __init__(self, port: int = 0) -> None:
        self.answers: list[Answer] = []
        self.requests: list[tuple[str, dict[str, str], dict[str, Any], int, float]] = []
        self.released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/in/hook1?key=key1"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else each answer in two writes takes 40 ms

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                seen = self.path, dict(self.headers), body, self.client_address[1], time.monotonic()
                receiver.requests.append(seen)
                self._answer(receiver.answers.pop(0) if receiver.answers else 200)

            def _answer(self, answer: Answer) -> None:
                if isinstance(answer, str):
                    if answer == "hang":
                        receiver.released.wait(DEADLINE_S)
                    self.close_connection = True
                    return
                status, headers = answer if isinstance(answer, tuple) else (answer, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                text = b"" if status == 204 else b"thank you"
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler

    @property
    def frames(self) -> list[int]:
        return [body["frame"] for _, _, body, _, _ in self.requests]

    @property
    def ids(self) -> list[str]:
        return [body["id"] for _, _, body, _, _ in self.requests]

    def stop(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()
