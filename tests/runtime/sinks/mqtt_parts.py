"""What tests of MQTT share: facts to publish, and what was told."""

from __future__ import annotations

import numpy as np

from edgecls.prediction import Prediction
from edgecls.runtime.sinks.mqtt import MqttSink
from edgecls.runtime.sinks.sink import Losses, Result, StagesMs, Summary
from edgecls.runtime.sources.source import Frame
from edgecls.runtime.watcher import Event, Seen
from tests.servers.mosquitto import Reader

SUMMARY = Summary(0, Losses(), 0, 0, {}, 1.0, {})
TIME, UNIX_NS = "2026-11-22T10:00:00.000000+00:00", 1_795_341_600_000_000_000
SECRET = "pass1word"


def make_event(index: int, kind: str = "enter", reason: str = "seen") -> Event:
    return Event(kind, 0, "red", 0.75, index, TIME, None if kind == "enter" else 2.0, reason)


def make_result(
    label: str | None = "red", confidence: float = 0.9, *, index: int = 0, at_s: float = 5
) -> Result:
    frame = Frame(np.zeros((2, 2, 3), np.uint8), index, int(at_s * 1e9))
    found = Prediction(0, "red", 0.75, False, (("red", 0.75),))
    there = Seen(("red", "green").index(label), label, confidence, int(2e9)) if label else None
    return Result(frame, UNIX_NS, 20.0, found, StagesMs(30, 2, 3, 0.4), Losses(), there, True)


def messages(sink: MqttSink) -> list[str]:
    return [fault.message for fault in sink.faults]


def online(reader: Reader) -> bool:
    return reader.texts("a/b/status")[-1:] == ["online"]
