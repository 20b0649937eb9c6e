"""The preview over real HTTP: what stands at its addresses."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from edgecls.errors import MissingDependencyError, UsageError
from edgecls.files import utc_now
from edgecls.runtime.pipeline import Pipeline
from edgecls.runtime.preview import app, news, picture
from edgecls.runtime.preview.sink import PreviewSink
from edgecls.runtime.sinks.sink import Losses, Start, Summary
from edgecls.runtime.sources.source import Fault
from edgecls.runtime.watcher import Event

for needed in ("starlette", "uvicorn"):
    pytest.importorskip(needed, reason="needs the extra 'preview'")

SUMMARY = Summary(7, Losses(), 0, 0, {}, 1.0, {})
PATIENCE_S = 10.0


@pytest.mark.parametrize("path", sorted(app.FILES))
def test_the_page_and_its_parts_are_there_and_name_no_other_server(site: Any, path: str) -> None:
    answer, body = site.get(path)
    assert answer.status == 200
    assert answer.getheader("Content-Type", "").startswith(app.FILES[path][1])
    assert b"http" not in body.replace(b'xmlns="http://www.w3.org/2000/svg"', b"")


def test_a_viewer_hears_what_runs_what_is_seen_and_what_happened(site: Any, start: Start) -> None:
    site.sink.start(start)
    site.sink.event(Event("enter", 0, "red", 0.8, 1, utc_now()))
    site.sink.fault(Fault("camera: lost"))
    site.sink.fault(Fault("camera: back after 2.0 s", recovered_s=2.0))
    site.sink.result(site.result(4))
    shared, own = site.hear(site.listen())
    assert own["start"]["network"] == "tiny"
    assert "labels" not in own["start"]
    assert [entry["kind"] for entry in own["entries"]] == ["enter", "fault", "back"]
    found = shared["result"]
    assert (found["frame"], found["label"], found["drops"], found["stale"]) == (4, "red", 5, 1)
    assert found["seen"]["for_s"] == 2.0
    assert found["top"][1] == {"label": "blue", "confidence": 0.25}
    assert shared["newest_s"] < PATIENCE_S


def test_nothing_is_told_twice_and_the_temperature_comes(site: Any, start: Start) -> None:
    site.sink.start(start)
    stream = site.listen()
    site.hear(stream)
    site.sink.event(Event("leave", 0, "red", 0.8, 1, utc_now(), 2.5))
    heard = [site.hear(stream) for _ in range(3)]
    assert [len(own.get("entries", ())) for _, own in heard].count(1) == 1
    assert not any("start" in own for _, own in heard)
    assert heard[-1][0]["temperature_c"] == 51.0


def test_data_and_pictures_come_at_most_ten_times_a_second(site: Any) -> None:
    with site.feed():
        stream = site.listen()
        begun, heard = time.monotonic(), 0
        while time.monotonic() < begun + 1.0:
            site.hear(stream)
            heard += 1
        assert 2 <= heard <= 13
        begun, numbers = time.monotonic(), [0]
        while time.monotonic() < begun + 1.0:
            answer, _ = site.get(f"/picture.jpg?after={numbers[-1]}")
            numbers.append(int(answer.getheader("X-Picture", "0")))
    assert 2 <= len(set(numbers)) <= 13


def test_seconds_make_points_that_a_late_viewer_gets_too(site: Any) -> None:
    with site.feed():
        site.until(lambda: site.sink._news._seconds.after(-1))
        shared, own = site.hear(site.listen())
    point = own["points"][-1]
    assert point[2:] == [30, 2, 3, 0.4, 20]
    assert shared["per_s"] > 0


def test_viewers_share_one_jpeg_and_nobody_costs_none(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[bytes] = []
    real = picture.encode

    def encode(pixels: Any) -> bytes:
        encoded.append(real(pixels))
        return encoded[-1]

    monkeypatch.setattr(picture, "encode", encode)
    stream = site.listen()
    for index in range(3):
        site.sink.result(site.result(index))
        site.hear(stream)
    assert not encoded
    jpegs: list[bytes] = []
    viewers = [threading.Thread(target=lambda: jpegs.append(site.get("/picture.jpg")[1])) for _ in range(8)]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join(PATIENCE_S)
    assert len(jpegs) == 8
    assert encoded == list(set(jpegs))


def test_a_picture_is_scaled_to_960_and_is_the_frame(site: Any) -> None:
    pixels = np.zeros((1080, 1920, 3), np.uint8)
    pixels[:, 960:] = (0, 0, 255)
    site.sink.result(site.result(7, pixels=pixels))
    answer, body = site.get("/picture.jpg")
    seen = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
    assert seen is not None
    assert seen.shape == (540, 960, 3)
    assert seen[270, 800, 2] > 240
    assert seen[270, 100, 2] < 10
    assert answer.getheader("X-Frame") == "7"


def test_the_same_picture_is_not_sent_again(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgecls.runtime.preview.beat.PICTURE_WAIT_S", 0.3)
    site.sink.result(site.result())
    answer, _ = site.get("/picture.jpg")
    assert site.get(f"/picture.jpg?after={answer.getheader('X-Picture')}")[0].status == 204


def test_a_result_costs_little_and_makes_no_json_when_nobody_looks(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    monkeypatch.setattr(news, "_json", made.append)
    given = [site.result(index) for index in range(2000)]
    started = time.thread_time()
    for one in given:
        site.sink.result(one)
    assert (time.thread_time() - started) / len(given) < 50e-6  # 1.5 microseconds where it was written
    assert not made


def test_health_is_good_while_results_come(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answer, body = site.get("/healthz")
    assert (answer.status, json.loads(body)["newest_result_s"]) == (503, None)
    site.sink.result(site.result())
    answer, body = site.get("/healthz")
    assert answer.status == 200
    assert json.loads(body)["newest_result_s"] < 5
    monkeypatch.setattr(app, "STALE_S", 0.0)
    assert site.get("/healthz")[0].status == 503


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/site.sink.py",
        "/page.css/../site.sink.py",
    ],
)
def test_no_other_file_is_served(site: Any, path: str) -> None:
    with socket.create_connection(("127.0.0.1", site.sink.port), timeout=PATIENCE_S) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert raw.makefile("rb").readline() == b"HTTP/1.1 404 Not Found\r\n"


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", None), ("no.such.host.invalid", 0), ("127.0.0.1", 70000)]
)
def test_a_place_that_cannot_be_listened_at_is_wrong_use(site: Any, host: str, port: int | None) -> None:
    taken = site.sink.port if port is None else port
    with pytest.raises(UsageError, match=f"preview at {host}:{taken}, found: .*choose another"):
        PreviewSink(host, taken)


@pytest.mark.parametrize("module", ["starlette", "uvicorn"])
def test_without_the_libraries_the_extra_is_named(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependencyError, match=r"edgecls\[preview\]"):
        PreviewSink(port=0)


def test_a_pipeline_is_seen_while_it_runs(
    site: Any, source: Any, frames: Any, classifier: Callable[..., Any], start: Start
) -> None:
    stop = threading.Event()
    running = source(frames(5), live=True, block=True)
    thread = threading.Thread(
        target=Pipeline(running, classifier(), [site.sink], stop=stop).run, args=(start,)
    )
    thread.start()
    site.until(lambda: site.get("/healthz")[0].status == 200)
    shared, own = site.hear(site.listen())
    stop.set()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert (shared["result"]["label"], own["start"]["source"]) == ("red", "fake")
