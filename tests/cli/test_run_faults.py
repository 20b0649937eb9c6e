"""`edgecls run` with its camera, its broker, its webhook, its page and its disk failing under it."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.mosquitto import Broker, Proxy, Reader, free_port, needs_broker
from tests.servers.receiver import Receiver
from tests.servers.streams import StreamServer
from tests.servers.waiting import DEADLINE_S, eventually

for module, extra in (("uvicorn", "preview"), ("urllib3", "webhook"), ("paho.mqtt.client", "mqtt")):
    pytest.importorskip(module, reason=f"needs the extra '{extra}'")

Begin = Callable[..., subprocess.Popen[str]]

OLDEST_MS = 2000.0  # of a result, whatever failed: a stall is two seconds
MOST_GROWTH_MB = 50.0
PATIENCE_S = 60.0  # a broker that was away for 30 s is tried again as long after that


class Unattended:
    """A run whose JSON lines are read as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self._heard = 0
        self.told: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def of(self, *types: str) -> list[dict[str, Any]]:
        return [line for line in list(self.lines) if line["type"] in types]

    def results(self, more: int = 10) -> None:
        """Wait for so many more."""
        enough = len(self.of("result")) + more
        self.until(lambda: len(self.of("result")) >= enough)

    def hears(self, type: str, text: str) -> dict[str, Any]:
        """Wait for the next line of that type whose message holds the text."""
        self.until(lambda: self._find(type, text) is not None)
        found = self._find(type, text)
        assert found is not None
        self._heard = found + 1
        return self.lines[found]

    def _find(self, type: str, text: str) -> int | None:
        """Where that line is, after the last one that was heard."""
        lines = enumerate(self.lines[self._heard :], self._heard)
        return next((at for at, line in lines if line["type"] == type and text in line["message"]), None)

    def until(self, happened: Callable[[], object]) -> None:
        """Wait, unless the run is over."""
        eventually(lambda: happened() or self.process.poll() is not None, PATIENCE_S)
        assert self.process.poll() is None, self.told

    def end(self, number: signal.Signals) -> int:
        """Send it a signal and wait for its end; its exit code."""
        self.process.send_signal(number)
        code = self.process.wait(DEADLINE_S)
        for reader in self._readers:
            reader.join(DEADLINE_S)
        return code

    @property
    def resident_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found
        return int(found[1]) / 1024

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self.told.extend(self.process.stderr)


@pytest.fixture
def unattended(start_edgecls: Begin, edgecls: Any) -> Iterator[Callable[..., Unattended]]:
    """Begins `edgecls run ARGUMENTS --jsonl -`, once the way to run the bundle is chosen."""
    edgecls("run", "--camera", "photos")
    begun: list[Unattended] = []

    def begin(*arguments: str) -> Unattended:
        begun.append(Unattended(start_edgecls("run", *arguments, "--jsonl", "-")))
        return begun[-1]

    yield begin
    for run in begun:
        run.process.kill()
        run.process.wait()


def ask(port: int, path: str, host: str = "localhost") -> int:
    """The status of an answer of the page's server, to a request as it is written here."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return int(raw.makefile("rb").readline().split()[1])


def fail_camera(run: Unattended, server: StreamServer) -> None:
    """Kill it and start it again, freeze it and let it go on; prints how long it took."""
    server.kill()
    run.hears("error", "trying again")
    server.start()
    killed = run.hears("recovered", "back after")
    run.results()
    server.signal(signal.SIGSTOP)
    run.hears("error", "trying again")
    server.signal(signal.SIGCONT)
    frozen = run.hears("recovered", "back after")
    run.results()
    print(f"{server.kind}: killed {killed['recovered_s']:.1f} s, frozen {frozen['recovered_s']:.1f} s")


def fail_peers(
    run: Unattended, server: StreamServer, broker: Broker, proxy: Proxy, hook: Receiver, read: Any
) -> None:
    """Broker and webhook are away while the camera fails, whose events they get later."""
    hook.answers = [500] * 3
    proxy.open = False
    broker.stop()
    run.hears("error", "MQTT")
    known = len(run.of("event"))
    server.kill()
    run.until(lambda: len(run.of("event")) > known)  # nothing is there any more
    server.start()
    run.until(lambda: len(run.of("event")) > known + 1)
    reader: Reader = read(broker.start().port)
    proxy.open = True
    print(f"MQTT: {run.hears('recovered', 'MQTT')['recovered_s']:.1f} s")
    run.until(lambda: len(reader.texts("shelf/1/event")) >= len(run.of("event")) - known)
    assert [event["frame"] for event in reader.values("shelf/1/event")] == [
        event["frame"] for event in run.of("event")[known:]
    ]
    run.until(lambda: set(hook.frames) == {event["frame"] for event in run.of("event")})


def fail_viewers(run: Unattended, port: int) -> None:
    """200 that say nothing, one that reads nothing, some that are not wanted; and one that is served."""
    silent = []
    for _ in range(200):
        with contextlib.suppress(OSError):
            silent.append(socket.create_connection(("127.0.0.1", port), 1))
    run.results()
    for one in silent:
        one.close()
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as deaf:
        deaf.sendall(b"GET /events.sse HTTP/1.1\r\nHost: localhost\r\n\r\n")
        run.results()
        assert ask(port, "/../../etc/passwd") == 404
        assert ask(port, "/", host="elsewhere.example") == 421
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/picture.jpg", timeout=DEADLINE_S) as answer:
            assert answer.read(2) == b"\xff\xd8"
    run.results()


@needs_broker
def test_a_run_with_everything_on_outlives_whatever_fails(
    server: StreamServer, broker: Broker, read: Any, receiver: Receiver, unattended: Any, tmp_path: Path
) -> None:
    server.start()
    proxy, port = Proxy(broker.start()), free_port()
    status: Reader = read(broker.port)
    arguments = (
        "--camera", server.url, "--stall", "2", "--mqtt", f"mqtt://127.0.0.1:{proxy.port}/shelf/1",
        "--webhook", receiver.url, "--webhook-spool", str(tmp_path / "events.sqlite"),
        "--preview-at", str(port), "--hold", "0",
    )  # fmt: skip
    killed: Unattended = unattended(*arguments)
    killed.results()
    killed.until(lambda: status.texts("shelf/1/status") == ["online"])
    killed.end(signal.SIGKILL)
    eventually(lambda: status.texts("shelf/1/status")[-1] == "offline")  # its last will
    run: Unattended = unattended(*arguments)
    run.results()
    run.until(lambda: status.texts("shelf/1/status")[-1] == "online")
    before_mb = run.resident_mb
    fail_camera(run, server)
    fail_viewers(run, port)
    fail_peers(run, server, broker, proxy, receiver, read)
    growth_mb = run.resident_mb - before_mb
    assert run.end(signal.SIGTERM if server.kind == "rtsp" else signal.SIGINT) == 0, run.told
    (summary,) = run.of("summary")
    results = run.of("result")
    oldest_ms = max(one["age_ms"] for one in results)
    print(f"{summary['frames']} frames, oldest {oldest_ms:.0f} ms, memory +{growth_mb:.1f} MB")
    assert summary["frames"] == len(results)
    assert [one["frame"] for one in results] == sorted({one["frame"] for one in results})
    assert oldest_ms < OLDEST_MS
    assert growth_mb < MOST_GROWTH_MB
    assert len(receiver.ids) - 3 == len(set(receiver.ids))  # what was refused came again, and nothing twice
    proxy.close()


def test_a_full_disk_is_told_once_and_the_run_goes_on(unattended: Any, mount_disk: Any) -> None:
    disk = mount_disk(64)
    run: Unattended = unattended(
        "--camera", "synthetic://320x240@200", "--csv", str(disk / "results.csv"), "--hard-frames", str(disk / "hard")
    )  # fmt: skip
    run.hears("error", "results.csv: cannot be written (No space left on device), rows are lost")
    run.results(100)
    assert run.end(signal.SIGTERM) == 0, run.told
    assert len([line for line in run.of("error") if "results.csv" in line["message"]]) == 1
    kept = (disk / "results.csv").read_text().splitlines()
    assert kept[0].startswith("time,")
    assert len(run.of("result")) > len(kept)


def test_of_two_runs_with_one_page_the_second_ends_with_a_sentence(unattended: Any, edgecls: Any) -> None:
    port = str(free_port())
    run: Unattended = unattended("--camera", "synthetic://320x240@30", "--preview-at", port)
    run.results(1)
    second = edgecls("run", "--camera", "synthetic://320x240@30", "--preview-at", port, "--json")
    assert second.returncode == 2
    assert f"preview at 127.0.0.1:{port}, found: Address already in use; choose another" in second.stderr
    run.results()
    assert run.end(signal.SIGINT) == 0
