"""PrometheusSink: what a real scrape over HTTP reads, and who may not hold it up."""

from __future__ import annotations

import contextlib
import math
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from edgecls.devices.health import Health
from edgecls.errors import MissingDependencyError, UsageError
from edgecls.prediction import Prediction
from edgecls.runtime.pipeline import Pipeline
from edgecls.runtime.sinks.sink import Losses, Result, StagesMs, Start, Summary
from edgecls.runtime.sources.source import Fault, Frame
from edgecls.runtime.watcher import Event, Seen

pytest.importorskip("prometheus_client", reason="needs the extra 'metrics'")

from prometheus_client.parser import text_string_to_metric_families

from edgecls.runtime.sinks.prometheus import CONNECTIONS, PrometheusSink, _Handler

FRAME = Frame(np.zeros((2, 2, 3), np.uint8), 3, 123)
SUMMARY = Summary(7, Losses(), 0, 0, {}, 1.0, {})
TIME, UNIX_NS = "2026-11-22T10:00:00.250000+00:00", 1_795_341_600_250_000_000
PATIENCE_S = 10.0

Samples = dict[tuple[str, str], float]


def health(temperature_c: float | None) -> Callable[[], Health]:
    return lambda: Health(temperature_c, None, None, None)


@pytest.fixture
def sink() -> Iterator[PrometheusSink]:
    sink = PrometheusSink(port=0, health=health(61.5))
    yield sink
    with contextlib.suppress(OSError):
        sink.close(SUMMARY)


def result(
    seen: str | None = "red", *, label: str = "red", losses: Losses | None = None, **options: Any
) -> Result:
    found = Prediction(0, label, 0.75, options.get("unknown", False), ((label, 0.75),))
    there = Seen(0, seen, 0.9, 0) if seen else None
    return Result(
        FRAME, UNIX_NS, 20.0, found, StagesMs(30, 2, 3, 0.4), losses or Losses(), there, options.get("watched", True)
    )  # fmt: skip


def scrape(sink: PrometheusSink) -> Samples:
    """Every sample by its name and its label values, joined by commas."""
    with urllib.request.urlopen(f"http://127.0.0.1:{sink.port}/metrics", timeout=PATIENCE_S) as answer:
        text = answer.read().decode()
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def seen(samples: Samples) -> dict[str, float]:
    return {label: value for (name, label), value in samples.items() if name == "edgecls_seen"}


def test_what_runs_is_told_before_the_first_result_and_what_is_unknown_is_no_number(
    sink: PrometheusSink, start: Start
) -> None:
    sink.start(start)
    samples = scrape(sink)
    (labels,) = (label for name, label in samples if name == "edgecls_info")
    assert set(labels.split(",")) == {"tiny", "m.tflite", "int8", "fake 1.0", "fake"}
    assert seen(samples) == {"red": 0, "green": 0, "blue": 0}
    assert samples["edgecls_results_total", ""] == samples["edgecls_newest_result_timestamp_seconds", ""] == 0
    assert math.isnan(samples["edgecls_confidence", ""])
    assert math.isnan(samples["edgecls_frame_age_seconds", ""])


def test_results_are_counted_and_timed_in_seconds(sink: PrometheusSink) -> None:
    sink.result(result())
    sink.result(result())
    samples = scrape(sink)
    assert samples["edgecls_results_total", ""] == 2
    assert samples["edgecls_frame_age_seconds", ""] == 0.02
    assert samples["edgecls_confidence", ""] == 0.75
    assert samples["edgecls_newest_result_timestamp_seconds", ""] == UNIX_NS / 1e9
    sums = [samples["edgecls_stage_seconds_sum", s] for s in ("capture", "preprocess", "invoke", "decide")]
    assert sums == pytest.approx([0.06, 0.004, 0.006, 0.0008])
    assert samples["edgecls_stage_seconds_bucket", "0.0025,invoke"] == 0
    assert samples["edgecls_stage_seconds_bucket", "0.005,invoke"] == 2
    assert samples["edgecls_stage_seconds_bucket", "+Inf,invoke"] == 2


def test_lost_frames_are_counted_from_totals(sink: PrometheusSink) -> None:
    for losses in (Losses(2, 1), Losses(2, 1), Losses(9, 4)):
        sink.result(result(losses=losses))
    samples = scrape(sink)
    assert (samples["edgecls_dropped_frames_total", ""], samples["edgecls_stale_frames_total", ""]) == (9, 4)


def test_faults_and_recoveries_are_counted_apart(sink: PrometheusSink) -> None:
    for fault in (Fault("bad"), Fault("bad", fatal=True), Fault("back", recovered_s=3.0)):
        sink.fault(fault)
    samples = scrape(sink)
    assert (samples["edgecls_faults_total", ""], samples["edgecls_recoveries_total", ""]) == (2, 1)


def test_only_what_is_there_is_seen(sink: PrometheusSink, start: Start) -> None:
    sink.start(start)
    for given, expected in (
        (result("green"), {"red": 0, "green": 1, "blue": 0}),
        (result("blue"), {"red": 0, "green": 0, "blue": 1}),
        (result(None), {"red": 0, "green": 0, "blue": 0}),
        (result(None, watched=False), {"red": 1, "green": 0, "blue": 0}),
        (result(None, watched=False, unknown=True), {"red": 0, "green": 0, "blue": 0}),
    ):
        sink.result(given)
        assert seen(scrape(sink)) == expected


def test_events_are_counted_and_no_label_outlives_the_frames(sink: PrometheusSink, start: Start) -> None:
    sink.start(start)
    sink.result(result("red"))
    sink.event(Event("enter", 0, "red", 0.9, 1, TIME))
    assert seen(scrape(sink))["red"] == 1
    sink.event(Event("leave", 0, "red", 0.9, 2, TIME, 3.0, "no frames"))
    samples = scrape(sink)
    assert samples["edgecls_events_total", "enter,red"] == samples["edgecls_events_total", "leave,red"] == 1
    assert seen(samples)["red"] == 0
    assert math.isnan(samples["edgecls_confidence", ""])
    assert math.isnan(samples["edgecls_frame_age_seconds", ""])


def test_the_temperature_is_read_when_asked_and_absent_where_there_is_none(sink: PrometheusSink) -> None:
    assert scrape(sink)["edgecls_temperature_celsius", ""] == 61.5
    silent = PrometheusSink(port=0, health=health(None))
    assert ("edgecls_temperature_celsius", "") not in scrape(silent)
    silent.close(SUMMARY)


def test_a_label_of_any_letters_arrives(sink: PrometheusSink) -> None:
    sink.result(result('a"\\\nä'))
    assert seen(scrape(sink)) == {'a"\\\nä': 1}


def test_it_listens_on_this_machine_only_unless_asked(sink: PrometheusSink) -> None:
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", sink.port), timeout=PATIENCE_S)
    everywhere = PrometheusSink("0.0.0.0", 0)
    socket.create_connection(("127.0.0.2", everywhere.port), timeout=PATIENCE_S).close()
    everywhere.close(SUMMARY)


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", None), ("no.such.host.invalid", 0), ("127.0.0.1", 70000)]
)
def test_a_place_that_cannot_be_listened_at_is_wrong_use(
    sink: PrometheusSink, host: str, port: int | None
) -> None:
    taken = sink.port if port is None else port
    with pytest.raises(
        UsageError, match=f"expected to give metrics at {host}:{taken}, found: .*choose another"
    ):
        PrometheusSink(host, taken)


def test_closing_frees_the_port_and_ends_the_thread() -> None:
    sink = PrometheusSink(port=0)
    sink.close(SUMMARY)
    assert not [one for one in threading.enumerate() if one.name == "edgecls-metrics" and one.is_alive()]
    PrometheusSink("127.0.0.1", sink.port).close(SUMMARY)


def test_connections_are_bounded(sink: PrometheusSink) -> None:
    before = threading.active_count()
    silent = [socket.create_connection(("127.0.0.1", sink.port), timeout=PATIENCE_S) for _ in range(200)]
    assert silent[-1].recv(1) == b""  # one too many is closed at once
    assert threading.active_count() <= before + CONNECTIONS
    silent[0].setblocking(False)
    with pytest.raises(BlockingIOError):
        silent[0].recv(1)
    for one in silent:
        one.close()
    deadline = time.monotonic() + PATIENCE_S
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert scrape(sink)["edgecls_results_total", ""] == 0


def test_a_silent_connection_is_ended(sink: PrometheusSink, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _Handler.timeout <= PATIENCE_S
    monkeypatch.setattr(_Handler, "timeout", 0.1)
    with socket.create_connection(("127.0.0.1", sink.port), timeout=PATIENCE_S) as silent:
        assert silent.recv(1) == b""


def test_two_runs_in_one_process_do_not_mix(sink: PrometheusSink) -> None:
    other = PrometheusSink(port=0)
    sink.result(result())
    assert scrape(other)["edgecls_results_total", ""] == 0
    other.close(SUMMARY)


def test_a_pipeline_can_be_scraped_while_it_runs(
    sink: PrometheusSink, source: Any, frames: Any, classifier: Callable[..., Any], start: Start
) -> None:
    stop = threading.Event()
    running = source(frames(5), live=True, block=True)
    thread = threading.Thread(target=Pipeline(running, classifier(), [sink], stop=stop).run, args=(start,))
    thread.start()
    deadline = time.monotonic() + PATIENCE_S
    while not (samples := scrape(sink))["edgecls_results_total", ""] and time.monotonic() < deadline:
        time.sleep(0.01)
    stop.set()
    thread.join(PATIENCE_S)
    assert samples["edgecls_results_total", ""] + samples["edgecls_dropped_frames_total", ""] <= 5
    assert seen(samples) == {"red": 1, "green": 0, "blue": 0}
    with pytest.raises(OSError, match="refused"):
        scrape(sink)


def test_a_result_costs_little(sink: PrometheusSink) -> None:
    given = [result(losses=Losses(index)) for index in range(2000)]
    started = time.process_time()
    for one in given:
        sink.result(one)
    assert (time.process_time() - started) / len(given) < 300e-6  # 15 microseconds where it was written


def test_without_the_library_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(MissingDependencyError, match=r"edgecls\[metrics\]"):
        PrometheusSink(port=0)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool, of the package prometheus")
def test_the_names_are_as_prometheus_wants_them(sink: PrometheusSink, start: Start) -> None:
    sink.start(start)
    sink.result(result())
    with urllib.request.urlopen(f"http://127.0.0.1:{sink.port}/metrics", timeout=PATIENCE_S) as answer:
        text = answer.read()
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
