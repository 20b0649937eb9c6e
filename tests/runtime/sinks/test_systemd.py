"""SystemdSink: what a real datagram socket hears, and when it hears nothing."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.errors import DeviceError
from edgecls.prediction import Prediction
from edgecls.runtime.pipeline import Pipeline
from edgecls.runtime.sinks.outlet import Outlet
from edgecls.runtime.sinks.sink import Losses, Result, StagesMs, Start, Summary
from edgecls.runtime.sinks.systemd import SystemdSink, systemd_sink
from edgecls.runtime.sources.source import Fault, Frame
from edgecls.runtime.watcher import Event, Seen

FRAME = Frame(np.zeros((2, 2, 3), np.uint8), 3, 123)
FOUND = Prediction(0, "red", 0.75, False, (("red", 0.75),))
SUMMARY = Summary(7, Losses(), 0, 0, {}, 1.0, {})
PATIENCE_S = 10.0


END = "END"


def bound(address: str) -> socket.socket:
    one = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.bind("\0" + address[1:] if address.startswith("@") else address)
    return one


class Manager:
    """The service manager's end: one datagram is one message of lines. A thread takes them, as systemd does."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = bound(address)
        self._messages: queue.Queue[list[str]] = queue.Queue()
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def hear(self) -> list[str]:
        """The next message; waits for it."""
        return self._messages.get(timeout=PATIENCE_S)

    def heard(self) -> list[str]:
        """Every line that was sent so far."""
        lines: list[str] = []
        self._end()
        while (message := self.hear()) != [END]:
            lines += message
        return lines

    def close(self) -> None:
        self._end()
        self._end()
        self._thread.join(PATIENCE_S)
        self._socket.close()

    def _end(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
            one.sendto(END.encode(), self._socket.getsockname())

    def _take(self) -> None:
        before: list[str] = []
        while (message := self._socket.recv(65536).decode().split("\n")) != [END] or before != [END]:
            self._messages.put(message)
            before = message


@pytest.fixture
def address(tmp_path: Path) -> str:
    """A path short enough for a socket, whatever pytest calls its folders."""
    place = tmp_path / "n"
    return str(place) if len(str(place)) < 100 else f"@edgecls-test-{os.getpid()}"


@pytest.fixture
def manager(address: str) -> Iterator[Manager]:
    manager = Manager(address)
    yield manager
    manager.close()


def result(seen: str | None = "red", *, watched: bool = True, second: int = 0) -> Result:
    there = Seen(0, seen, 0.97, 0) if seen else None
    unix_ns = 1_795_341_600_123_456_000 + second * 1_000_000_000  # 10:00 UTC
    return Result(FRAME, unix_ns, 9.5, FOUND, StagesMs(1, 2, 3, 4), seen=there, watched=watched)


def signs(lines: list[str]) -> list[str]:
    return [line for line in lines if not line.startswith("STATUS=")]


def test_a_run_that_systemd_did_not_start_has_no_such_sink() -> None:
    assert systemd_sink({}) is None
    assert systemd_sink({"NOTIFY_SOCKET": ""}) is None


def test_ready_comes_with_the_first_result_and_not_before(manager: Manager, start: Start) -> None:
    sink = SystemdSink(manager.address, watchdog_s=1)
    sink.start(start)
    sink.fault(Fault("camera 0: expected a video device, found none; trying again in 4 s"))
    lines = manager.heard()
    assert lines[0] == "STATUS=waiting for the first result of fake"
    assert signs(lines) == []
    sink.result(result())
    sink.result(result())
    assert manager.hear() == ["READY=1", "STATUS=red 97%"]
    assert signs(manager.heard()) == []


def test_abstract_sockets_are_reached(start: Start) -> None:
    manager = Manager(f"@edgecls-abstract-{os.getpid()}")
    sink = SystemdSink(manager.address)
    sink.result(result())
    assert manager.hear()[0] == "READY=1"
    manager.close()


def test_the_watchdog_is_fed_by_results_a_quarter_of_its_time_apart(manager: Manager, clock: Any) -> None:
    sink = SystemdSink(manager.address, watchdog_s=120, clock=clock)
    for _ in range(4000):
        sink.result(result())
        clock.pass_ms(100)
    assert signs(manager.heard()) == ["READY=1", *["WATCHDOG=1"] * 13]


def test_nothing_but_a_result_feeds_the_watchdog(manager: Manager, start: Start) -> None:
    sink = SystemdSink(manager.address, watchdog_s=0.02)
    sink.result(result())
    manager.heard()
    until = time.monotonic() + 0.3
    while time.monotonic() < until:
        sink.start(start)
        sink.event(Event("enter", 0, "red", 0.9, 1, "2026-11-22T10:00:00+00:00"))
        sink.fault(Fault("bad"))
        assert signs(manager.heard()) == []
    sink.result(result())
    assert signs(manager.heard()) == ["WATCHDOG=1"]


@pytest.mark.parametrize(
    ("environment", "fed"),
    [
        ({"WATCHDOG_USEC": "4"}, True),
        ({"WATCHDOG_USEC": "4", "WATCHDOG_PID": str(os.getpid())}, True),
        ({"WATCHDOG_USEC": "4", "WATCHDOG_PID": str(os.getppid())}, False),
        ({"WATCHDOG_USEC": "0"}, False),
        ({"WATCHDOG_USEC": "soon"}, False),
        ({}, False),
    ],
)
def test_the_environment_says_whether_there_is_a_watchdog(
    manager: Manager, environment: dict[str, str], fed: bool
) -> None:
    sink = systemd_sink({"NOTIFY_SOCKET": manager.address, **environment})
    assert sink is not None
    for _ in range(3):
        sink.result(result())
        time.sleep(0.001)
    assert ("WATCHDOG=1" in manager.heard()) == fed


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (result(), "red 97%"),
        (result(None), "nothing"),
        (result(None, watched=False), "red 75%"),
        (result("a\nWATCHDOG=1\x1b[2J"), "a?WATCHDOG=1?[2J 97%"),
        (result("ä" * 3000), "ä" * 500),
    ],
)
def test_the_status_is_one_line_about_what_is_seen(manager: Manager, given: Result, text: str) -> None:
    SystemdSink(manager.address).result(given)
    assert manager.hear() == ["READY=1", f"STATUS={text}"]


def test_the_status_is_told_every_five_seconds_with_the_rate(manager: Manager, clock: Any) -> None:
    sink = SystemdSink(manager.address, clock=clock)
    for _ in range(120):
        sink.result(result())
        clock.pass_ms(100)
    assert manager.heard()[1:] == ["STATUS=red 97%", *["STATUS=red 97%, 10.0 results a second"] * 2]


def test_an_event_is_told_with_the_next_result(manager: Manager, clock: Any) -> None:
    sink = SystemdSink(manager.address, clock=clock)
    sink.result(result())
    sink.event(Event("enter", 1, "green", 0.9, 4, "2026-11-22T10:00:00+00:00"))
    sink.result(result("green"))
    assert manager.heard()[2:] == ["STATUS=green 97%"]


def test_a_lost_camera_is_told_with_the_time_of_the_last_result(manager: Manager, clock: Any) -> None:
    sink = SystemdSink(manager.address, clock=clock)
    sink.result(result(second=7))
    clock.pass_ms(100)
    sink.fault(Fault("MQTT: no answer; going on, and trying again"))
    clock.pass_ms(3000)
    sink.event(Event("leave", 0, "red", 0.9, 4, "2026-11-22T10:00:10+00:00", 3.0, "no frames"))
    sink.fault(Fault("camera 0: stopped giving frames after 1; trying again in 1 s"))
    sink.fault(Fault("camera 0: back after 3.0 s", recovered_s=3.0))
    assert manager.heard()[2:] == [
        "STATUS=MQTT: no answer; going on, and trying again",
        "STATUS=no result since 2026-11-22 10:00:07 UTC",
        "STATUS=no result since 2026-11-22 10:00:07 UTC: camera 0: stopped giving frames after 1; trying again in 1 s",
        "STATUS=camera 0: back after 3.0 s",
    ]
    clock.pass_ms(5000)
    sink.result(result())
    assert manager.heard()[-1].startswith("STATUS=red 97%")


def test_the_end_is_told_and_what_it_failed_of_stays(address: str, manager: Manager) -> None:
    sink = SystemdSink(address)
    sink.close(SUMMARY)
    assert manager.heard() == ["STOPPING=1", "STATUS=ended after 7 results"]
    sink = SystemdSink(address)
    sink.fault(Fault("the driver does not answer", fatal=True))
    sink.close(SUMMARY)
    assert manager.heard() == ["STATUS=the driver does not answer", "STOPPING=1"]


def test_a_socket_that_is_gone_is_told_once_and_ready_comes_when_it_is_back(address: str, clock: Any) -> None:
    sink = SystemdSink(address, clock=clock)
    for _ in range(50):
        sink.result(result())
        clock.pass_ms(100)
    (gone,) = sink.faults
    assert gone.message.startswith("systemd: its socket takes no message (")
    manager = Manager(address)
    clock.pass_ms(1000)
    sink.result(result())
    assert manager.hear()[0] == "READY=1"
    assert [fault.recovered_s is None for fault in sink.faults] == [True, False]
    manager.close()


def test_an_address_that_is_none_is_told_and_kills_nothing() -> None:
    for address in ("vsock:2:1234", "/" + "a" * 200):
        sink = SystemdSink(address)
        sink.result(result())
        sink.close(SUMMARY)
        assert len(sink.faults) == 1


def test_a_manager_that_takes_nothing_holds_a_result_up_for_a_moment_only(address: str) -> None:
    full, filler = bound(address), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    filler.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while filler.sendto(b"x", full.getsockname()):
            pass
    sink = SystemdSink(address)
    started = time.monotonic()
    for _ in range(64):
        sink.result(result())
    sink.close(SUMMARY)
    assert time.monotonic() - started < 4
    assert len(sink.faults) == 1
    filler.close()
    full.close()


def test_a_pipeline_is_ready_when_its_first_frame_is_classified_and_says_why_it_ends(
    manager: Manager, source: Any, frames: Any, classifier: Callable[..., Any], start: Start
) -> None:
    sink = SystemdSink(manager.address)
    broken = source([*frames(2), DeviceError("the cable is out")])
    with pytest.raises(DeviceError, match="the cable is out"):
        Pipeline(broken, classifier(), [sink]).run(start)
    assert manager.heard() == [
        "STATUS=waiting for the first result of fake",
        *("READY=1", "STATUS=red 99%"),
        "STATUS=the cable is out",
        "STOPPING=1",
    ]


def test_a_pipeline_without_a_frame_is_never_ready(
    manager: Manager, source: Any, classifier: Callable[..., Any], start: Start
) -> None:
    stop = threading.Event()
    pipeline = Pipeline(
        source([], live=True, block=True), classifier(), [SystemdSink(manager.address)], stop=stop
    )
    thread = threading.Thread(target=pipeline.run, args=(start,))
    thread.start()
    assert manager.hear() == ["STATUS=waiting for the first result of fake"]
    stop.set()
    thread.join(PATIENCE_S)
    assert manager.heard() == ["STOPPING=1", "STATUS=ended after 0 results"]


def test_an_outlet_hands_it_on_from_its_own_thread(manager: Manager) -> None:
    outlet = Outlet(SystemdSink(manager.address))
    outlet.begin()
    outlet.put(result())
    assert manager.hear()[0] == "READY=1"
    outlet.end(SUMMARY)
    outlet.join()
    assert manager.hear()[0] == "STOPPING=1"


@pytest.mark.skipif(shutil.which("systemd-notify") is None, reason="needs systemd-notify")
def test_it_speaks_as_systemds_own_program_does(manager: Manager) -> None:
    environment = {**os.environ, "NOTIFY_SOCKET": manager.address}
    command = ["systemd-notify", "--no-block", f"--pid={os.getpid()}", "--ready", "--status=red 97%"]
    subprocess.run(command, env=environment, check=True, timeout=PATIENCE_S)
    theirs = manager.hear()
    SystemdSink(manager.address).result(result())
    assert sorted(manager.hear()) == sorted(
        line for line in theirs if line.split("=")[0] in ("READY", "STATUS")
    )
