"""Viewers of the preview who are many, slow, silent or gone: nobody waits for them."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from http.client import HTTPConnection
from typing import Any

import numpy as np
import pytest

from edgecls.errors import DeviceError
from edgecls.files import utc_now
from edgecls.runtime.preview import app, server
from edgecls.runtime.preview.sink import PreviewSink
from edgecls.runtime.sinks.sink import Losses, Summary
from edgecls.runtime.watcher import Event

for needed in ("starlette", "uvicorn"):
    pytest.importorskip(needed, reason="needs the extra 'preview'")

SUMMARY = Summary(7, Losses(), 0, 0, {}, 1.0, {})
PATIENCE_S = 10.0


def test_the_seventeenth_viewer_is_told_so_and_a_place_becomes_free(site: Any) -> None:
    streams = [site.listen() for _ in range(app.VIEWERS)]
    for stream in streams:
        site.hear(stream)
    refused = site.listen()
    assert refused.status == 503
    assert b"16 viewers are looking already" in refused.read()
    streams.pop().close()
    site.until(lambda: site.listen().status == 200)


def test_of_a_crowd_that_comes_at_once_no_more_than_fit_get_a_place(site: Any) -> None:
    with contextlib.ExitStack() as stack:
        crowd = [
            stack.enter_context(socket.create_connection(("127.0.0.1", site.sink.port), timeout=PATIENCE_S))
            for _ in range(60)
        ]
        for one in crowd:
            one.sendall(b"GET /events.sse HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answers = [one.recv(12) for one in crowd]
    assert sorted(answers) == [b"HTTP/1.1 200"] * app.VIEWERS + [b"HTTP/1.1 503"] * (60 - app.VIEWERS)


def test_a_viewer_that_leaves_in_a_picture_or_a_stream_is_noticed(site: Any) -> None:
    with site.feed(np.random.default_rng(0).integers(0, 255, (720, 960, 3), np.uint8)):
        for path in ("/events.sse", "/picture.jpg"):
            with socket.create_connection(("127.0.0.1", site.sink.port), timeout=PATIENCE_S) as raw:
                raw.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                assert raw.recv(100)
        site.until(lambda: not site.sink._server._beat._looking)
    assert not site.sink.faults


def test_a_viewer_that_reads_nothing_holds_up_nobody_and_is_left(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "SILENCE_S", 0.5)
    noise = np.random.default_rng(0).integers(0, 255, (960, 960, 3), np.uint8)
    site.sink.result(site.result(pixels=noise))
    with site.feed(noise), socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", site.sink.port))
        slow.sendall(b"GET /picture.jpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
        stream = site.listen()
        first = site.hear(stream)[0]["result"]
        site.until(lambda: site.hear(stream)[0]["result"]["frame"] > first["frame"] + 50)
        assert site.get("/picture.jpg")[0].status == 200
        site.until(lambda: len(site.sink._server._uvicorn.server_state.connections) <= 1)


def test_200_connections_are_survived_and_more_are_closed(site: Any) -> None:
    site.sink.result(site.result())
    silent = [socket.create_connection(("127.0.0.1", site.sink.port), timeout=PATIENCE_S) for _ in range(200)]
    assert site.get("/healthz")[0].status == 200
    silent += [socket.create_connection(("127.0.0.1", site.sink.port), timeout=PATIENCE_S) for _ in range(80)]
    with contextlib.suppress(ConnectionResetError):
        assert silent[-1].recv(1) == b""
    for one in silent:
        one.close()
    site.until(lambda: not site.sink._server._uvicorn.server_state.connections)
    assert site.get("/healthz")[0].status == 200


def test_200_viewers_at_once_all_get_an_answer(site: Any) -> None:
    site.sink.result(site.result())
    statuses: list[int] = []
    viewers = [
        threading.Thread(target=lambda: statuses.append(site.get("/picture.jpg")[0].status))
        for _ in range(200)
    ]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join(PATIENCE_S)
    assert len(statuses) == 200
    assert set(statuses) <= {200, 503}
    assert 200 in statuses


def test_a_connection_that_asks_nothing_is_ended(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert server.SILENCE_S <= PATIENCE_S
    monkeypatch.setattr(server, "SILENCE_S", 0.2)
    with (
        socket.create_connection(("127.0.0.1", site.sink.port), timeout=PATIENCE_S) as silent,
        contextlib.suppress(ConnectionResetError),
    ):
        silent.sendall(b"GET / HTTP/1.1\r\nHo")
        assert silent.recv(1) == b""


def test_viewers_hear_of_the_end_and_closing_waits_for_none(site: Any) -> None:
    site.sink.result(site.result())
    number = site.get("/picture.jpg")[0].getheader("X-Picture")
    stream = site.listen()
    site.hear(stream)
    idle = socket.create_connection(("127.0.0.1", site.sink.port), timeout=PATIENCE_S)
    waiting = HTTPConnection("127.0.0.1", site.sink.port, timeout=PATIENCE_S)
    waiting.request("GET", f"/picture.jpg?after={number}")
    started = time.monotonic()
    site.sink.close(SUMMARY)
    assert time.monotonic() - started < 3
    while "ended" not in (shared := site.hear(stream)[0]):
        pass
    assert shared["ended"] == {"frames": 7, "seconds": 1.0}
    assert stream.read() == b""
    assert waiting.getresponse().status == 204
    idle.close()
    assert not site.sink._server._thread.is_alive()
    PreviewSink(port=site.sink.port).close(SUMMARY)


def test_closing_does_not_wait_for_a_viewer_that_reads_nothing(site: Any) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (960, 960, 3), np.uint8)
    site.sink.result(site.result(pixels=noise))
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", site.sink.port))
        slow.sendall(b"GET /picture.jpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert slow.recv(10)
        started = time.monotonic()
        site.sink.close(SUMMARY)
        assert time.monotonic() - started < 3
        assert not site.sink._server._thread.is_alive()


def test_a_server_that_dies_ends_the_run_with_its_reason(site: Any) -> None:
    site.sink.result(site.result(pixels="no picture"))
    with contextlib.suppress(OSError):
        site.get("/picture.jpg")
    site.sink._server._thread.join(PATIENCE_S)
    with pytest.raises(AttributeError, match="shape"):
        site.sink.result(site.result())


def test_a_server_that_just_stops_is_told_too(site: Any) -> None:
    site.sink._server._uvicorn.should_exit = True
    site.sink._server._thread.join(PATIENCE_S)
    with pytest.raises(DeviceError, match="ended by itself"):
        site.sink.event(Event("enter", 0, "red", 0.8, 1, utc_now()))


def test_an_error_in_a_request_is_told_once_and_nothing_is_logged(
    site: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(site.sink._news, "newest_s", lambda: 1 / 0)
    assert [site.get("/healthz")[0].status for _ in range(2)] == [500, 500]
    assert [fault.message for fault in site.sink.faults] == [
        "preview: a request failed (ZeroDivisionError: division by zero); going on, and trying again"
    ]
    with socket.create_connection(("127.0.0.1", site.sink.port), timeout=PATIENCE_S) as raw:
        raw.sendall(b"nonsense\r\n\r\n")
        assert b"400" in raw.recv(100)
    assert not caplog.records


def test_pictures_that_nobody_takes_are_bounded(site: Any) -> None:
    site.sink.result(site.result(pixels=np.random.default_rng(0).integers(0, 255, (960, 960, 3), np.uint8)))
    with contextlib.ExitStack() as stack:
        for _ in range(app.VIEWERS):
            slow = stack.enter_context(socket.socket())
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect(("127.0.0.1", site.sink.port))
            slow.sendall(b"GET /picture.jpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert slow.recv(10)
        assert site.get("/picture.jpg")[0].status == 503
    site.until(lambda: site.get("/picture.jpg")[0].status == 200)
