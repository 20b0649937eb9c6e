"""News: what viewers are told, as JSON that is made when somebody listens."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edgecls.devices.health import Health
from edgecls.files import utc_now
from edgecls.runtime.preview.seconds import Seconds
from edgecls.runtime.sinks.records import event_record, prediction_record, seen_record
from edgecls.runtime.sinks.sink import Result, Start, Summary
from edgecls.runtime.sources.source import Fault
from edgecls.runtime.timing import Clock, elapsed_ms, monotonic
from edgecls.runtime.watcher import Event

ENTRIES_KEPT = 50
QUIET_MS = 1000.0  # a viewer hears something as often as this, or takes the run for gone


@dataclass
class Heard:
    """How far one viewer is: what it gets next is what it has not heard."""

    start: Start | None = None
    entry: int = 0
    second: int = -1


class News:
    """Filled by the run's thread; read by the server's, which calls `refresh` and then `message` for each viewer."""

    def __init__(self, health: Callable[[], Health], *, clock: Clock = monotonic) -> None:
        self.version = 0
        self._read_health, self._clock = health, clock
        self._health = Health(None, None, None, None)
        self._start: Start | None = None
        self._newest: tuple[Result, int] | None = None  # and the time it came, swapped as one
        self._seconds = Seconds()
        self._lock = threading.Lock()
        self._entries: deque[tuple[int, dict[str, Any]]] = deque(maxlen=ENTRIES_KEPT)
        self._last_entry = 0
        self._summary: Summary | None = None
        self._now = b"{}"
        self._told: tuple[object, ...] = ()
        self._told_ns = clock()

    # What the run tells.

    def begin(self, start: Start) -> None:
        self._start = start

    def take(self, result: Result) -> None:
        """Keep the newest result: a few microseconds, no JSON."""
        now = self._clock()
        self._seconds.add(result, now)
        self._newest = result, now

    def event(self, event: Event) -> None:
        self._add({"kind": event.kind, **event_record(event)})

    def fault(self, fault: Fault) -> None:
        kind = "fault" if fault.recovered_s is None else "back"
        self._add({"kind": kind, "time": utc_now(), "message": fault.message})

    def end(self, summary: Summary) -> None:
        self._summary = summary

    # What viewers hear.

    def newest_s(self) -> float | None:
        """Seconds since the newest result came; None before the first."""
        newest = self._newest
        return None if newest is None else elapsed_ms(newest[1], self._clock()) / 1e3

    def read_health(self) -> None:
        """Ask the board for its temperature: may take milliseconds."""
        self._health = self._read_health()

    def refresh(self) -> None:
        """Raise `version`, and make the part that all viewers share, when there is something to tell."""
        now = self._clock()
        state = (self._newest, self._last_entry, self._start, self._summary)
        if state == self._told and elapsed_ms(self._told_ns, now) < QUIET_MS:
            return
        self._told, self._told_ns = state, now
        self._now = _json(self._record(now))
        self.version += 1

    def message(self, heard: Heard) -> bytes:
        """One message of Server-Sent Events (HTML Living Standard, 9.2) with what the viewer has not heard."""
        own: dict[str, Any] = {}
        if heard.start is not self._start and self._start is not None:
            heard.start = self._start
            own["start"] = _start_record(self._start)
        if entries := self._entries_after(heard.entry):
            heard.entry = entries[-1][0]
            own["entries"] = [entry for _, entry in entries]
        if points := self._seconds.after(heard.second):
            heard.second = points[-1].second
            own["points"] = [point.values() for point in points]
        return b"data: [" + self._now + b"," + _json(own) + b"]\n\n"

    def _add(self, entry: dict[str, Any]) -> None:
        with self._lock:
            self._last_entry += 1
            self._entries.append((self._last_entry, entry))

    def _entries_after(self, last: int) -> list[tuple[int, dict[str, Any]]]:
        with self._lock:
            return [entry for entry in self._entries if entry[0] > last]

    def _record(self, now: int) -> dict[str, Any]:
        record: dict[str, Any] = {
            "clock_s": round(now / 1e9, 3),
            "per_s": round(self._seconds.per_s(now), 1),
            "temperature_c": self._health.temperature_c,
            "throttled": self._health.throttled,
            "result": None,
        }
        if self._newest is not None:
            result, came_ns = self._newest
            record["newest_s"] = round(elapsed_ms(came_ns, now) / 1e3, 3)
            record["result"] = _result_record(result)
        if self._summary is not None:
            record["ended"] = {"frames": self._summary.frames, "seconds": round(self._summary.seconds, 1)}
        return record


def _start_record(start: Start) -> dict[str, Any]:
    """What runs, without the labels, of which there may be thousands."""
    return {
        "source": start.source, "live": start.live, "bundle": start.bundle, "model": start.model,
        "network": start.network, "precision": start.precision, "engine": start.engine, "threads": start.threads,
    }  # fmt: skip


def _result_record(result: Result) -> dict[str, Any]:
    stages = result.stages_ms
    return {
        "frame": result.frame.index,
        "time": result.time,
        "age_ms": round(result.age_ms, 1),
        **prediction_record(result.prediction),
        "watched": result.watched,
        "seen": seen_record(result.seen, result.frame),
        "stages_ms": [
            round(ms, 2) for ms in (stages.capture, stages.preprocess, stages.invoke, stages.decide)
        ],
        "drops": result.losses.drops,
        "stale": result.losses.stale,
    }


def _json(value: dict[str, Any]) -> bytes:
    """ASCII on one line, whatever a label holds."""
    return json.dumps(value, separators=(",", ":")).encode()
