"""MqttSink: what it tells a real broker, and when."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from edgecls.errors import MissingDependencyError, UsageError
from edgecls.runtime.sinks.home_assistant import discovery_messages
from edgecls.runtime.sinks.mqtt import MqttSink
from edgecls.runtime.sinks.mqtt_address import MqttAddress
from edgecls.runtime.sinks.sink import Start
from edgecls.runtime.sources.source import Fault
from tests.runtime.sinks.mqtt_parts import SUMMARY, TIME, make_event, make_result, online
from tests.servers.mosquitto import Broker, needs_broker
from tests.servers.waiting import eventually

paho = pytest.importorskip("paho.mqtt.client", reason="needs the extra 'mqtt'")


@needs_broker
def test_everything_arrives_as_documented(broker: Broker, mqtt: Any, read: Any) -> None:
    reader = read(broker.start().port)
    sink = mqtt(broker.port)
    eventually(lambda: online(reader))
    sink.result(make_result())
    sink.event(make_event(7, "leave"))
    sink.fault(Fault("camera gone"))
    sink.fault(Fault("camera back", recovered_s=0.0))
    eventually(lambda: len(reader.texts("a/b/fault")) == 2)
    (result,), (event,) = reader.values("a/b/result"), reader.values("a/b/event")
    assert reader.values("a/b/seen") == [
        None,
        {"time": TIME, "label": "red", "index": 0, "confidence": 0.9, "for_s": 3.0},
    ]
    assert (result["type"], result["label"], result["seen"]["label"]) == ("result", "red", "red")
    assert (event["event"], event["frame"], event["duration_s"]) == ("leave", 7, 2.0)
    assert [(one["type"], one["message"]) for one in reader.values("a/b/fault")] == [
        ("error", "camera gone"),
        ("recovered", "camera back"),
    ]
    assert {one.topic: one.qos for one in reader.messages if one.topic[-1] == "t"} == {
        "a/b/result": 0, "a/b/event": 1, "a/b/fault": 1,
    }  # fmt: skip
    retained = read(broker.port).retained(2)
    assert (retained["a/b/status"], json.loads(retained["a/b/seen"])["label"]) == ("online", "red")
    assert not sink.faults


@needs_broker
def test_what_is_seen_is_told_when_it_changes_and_every_minute(
    broker: Broker, mqtt: Any, read: Any, clock: Any
) -> None:
    reader = read(broker.start().port)
    sink = mqtt(broker.port, clock=clock, results_per_s=0)
    eventually(lambda: online(reader))
    for ms, label, confidence in [
        (0, "red", 0.6),
        (500, "red", 0.9),  # too soon for a confidence
        (500, "red", 0.91),
        (900, "red", 0.99),  # too soon again
        (59_000, "red", 0.93),
        (1000, "red", 0.94),
        (1, "green", 0.94),
        (1, None, 0),
        (59_000, None, 0),
        (1000, None, 0),
    ]:
        clock.pass_ms(ms)
        sink.result(make_result(label, confidence))
    sink.event(make_event(0))
    eventually(lambda: reader.texts("a/b/event"))
    told = [seen and (seen["label"], seen["confidence"]) for seen in reader.values("a/b/seen")]
    assert told == [None, ("red", 0.6), ("red", 0.91), ("red", 0.94), ("green", 0.94), None, None]
    assert not reader.texts("a/b/result")


@needs_broker
def test_a_source_that_is_lost_leaves_no_label_behind(broker: Broker, mqtt: Any, read: Any) -> None:
    reader = read(broker.start().port)
    sink = mqtt(broker.port)
    eventually(lambda: online(reader))
    sink.result(make_result())
    sink.event(make_event(1, "leave"))
    sink.event(make_event(1, "leave", "no frames"))
    eventually(lambda: len(reader.texts("a/b/event")) == 2)
    assert [seen and seen["label"] for seen in reader.values("a/b/seen")] == [None, "red", None]
    assert read(broker.port).retained(2)["a/b/seen"] == "null"


@needs_broker
def test_results_come_no_faster_than_asked_for(broker: Broker, mqtt: Any, read: Any, clock: Any) -> None:
    reader = read(broker.start().port)
    sink = mqtt(broker.port, clock=clock, results_per_s=2)
    eventually(lambda: online(reader))
    for index in range(100):
        sink.result(make_result(index=index))
        clock.pass_ms(100)
    sink.event(make_event(0))
    eventually(lambda: reader.texts("a/b/event"))
    assert [result["frame"] for result in reader.values("a/b/result")] == list(range(0, 100, 5))


@needs_broker
def test_at_the_end_all_is_sent_and_nothing_stays_but_offline(
    broker: Broker, read: Any, mqtt: Any, start: Start
) -> None:
    reader = read(broker.start().port)
    sink = MqttSink(MqttAddress.from_url(f"mqtt://127.0.0.1:{broker.port}/a/b"))
    sink.start(start)
    for index in range(200):
        sink.event(make_event(index))
    sink.result(make_result())
    sink.close(SUMMARY)
    eventually(lambda: reader.texts("a/b/status")[-1:] == ["offline"])
    assert [event["frame"] for event in reader.values("a/b/event")] == list(range(200))
    assert reader.texts("a/b/seen")[-1] == "null"
    assert read(broker.port).retained(2) == {"a/b/status": "offline", "a/b/seen": "null"}
    assert not sink.faults


KILLED = """
import sys
from edgecls.runtime.sinks.mqtt import MqttSink
from edgecls.runtime.sinks.mqtt_address import MqttAddress
from edgecls.runtime.sinks.sink import Start
sink = MqttSink(MqttAddress.from_url(sys.argv[1]))
sink.start(Start("s", True, None, "m", "n", "int8", "e", "native", 1, ("red",)))
sys.stdin.read()
"""


@needs_broker
def test_a_killed_run_is_offline_by_its_last_will(broker: Broker, read: Any) -> None:
    reader = read(broker.start().port)
    command = [sys.executable, "-c", KILLED, f"mqtt://127.0.0.1:{broker.port}/a/b"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        eventually(lambda: online(reader))
        process.kill()
    eventually(lambda: reader.texts("a/b/status") == ["online", "offline"])
    assert read(broker.port).retained(2)["a/b/status"] == "offline"


@needs_broker
def test_discovery_is_retained_and_told_again_to_a_broker_that_forgot(
    broker: Broker, mqtt: Any, read: Any, start: Start
) -> None:
    sink = mqtt(broker.start().port, discovery=True)
    node = MqttAddress("h", 1, "a/b").client_id
    expected = discovery_messages(start, node=node, prefix="a/b").items()
    eventually(lambda: read(broker.port).retained(4).items() >= expected)
    broker.stop()
    eventually(lambda: sink.faults)
    broker.start()
    eventually(lambda: read(broker.port).retained(4).items() >= expected)


@pytest.mark.parametrize("rate", [-1.0, float("nan"), float("inf")])
def test_a_rate_that_makes_no_sense_is_refused(rate: float) -> None:
    with pytest.raises(UsageError, match="results a second"):
        MqttSink(MqttAddress("host", 1, "a"), results_per_s=rate)


@pytest.mark.parametrize("dies_in", ["reconnect", "publish"])
def test_a_thread_that_dies_is_told_by_the_next_call(
    dies_in: str, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **_options: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(paho.Client, dies_in, die)
    sink = MqttSink(MqttAddress("127.0.0.1", 1, "a"))
    sink._keep("event", "one that waits")
    sink._online.set()
    sink.start(start)
    eventually(lambda: sink._died)
    with pytest.raises(ValueError, match="a bug"):
        sink.event(make_event(0))
    sink._online.clear()
    with pytest.raises(ValueError, match="a bug"):
        sink.close(SUMMARY)


def test_without_its_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    with pytest.raises(MissingDependencyError, match=r"edgecls\[mqtt\]"):
        MqttSink(MqttAddress("host", 1, "a"))
