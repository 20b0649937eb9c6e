"""MqttSink: a real broker that is late, stopped, cut off and frozen."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import time
from typing import Any

import pytest

from edgecls.runtime.sinks.mqtt import MqttSink
from edgecls.runtime.sinks.mqtt_address import MqttAddress
from edgecls.runtime.sinks.sink import Start
from tests.runtime.sinks.mqtt_parts import SUMMARY, make_event, make_result, messages, online
from tests.servers.mosquitto import Broker, Proxy, free_port, needs_broker
from tests.servers.waiting import DEADLINE_S, eventually

pytest.importorskip("paho.mqtt.client", reason="needs the extra 'mqtt'")


@needs_broker
def test_a_broker_that_is_down_at_first_gets_everything_when_it_comes(
    broker: Broker, mqtt: Any, read: Any
) -> None:
    sink = mqtt(broker.port)
    for index in range(50):
        sink.event(make_event(index))
    sink.result(make_result())
    eventually(lambda: sink.faults)
    reader = read(broker.start().port)
    eventually(lambda: len(reader.texts("a/b/event")) == 50)
    assert [event["frame"] for event in reader.values("a/b/event")] == list(range(50))
    assert online(reader)
    assert not reader.texts("a/b/result")
    assert json.loads(read(broker.port).retained(2)["a/b/seen"])["label"] == "red"
    first, back = sink.faults
    assert "cannot be reached (Connection refused); going on" in first.message
    assert back.recovered_s > 0


@needs_broker
def test_a_broker_that_goes_and_comes_back_misses_no_event(broker: Broker, mqtt: Any, read: Any) -> None:
    proxy = Proxy(broker.start())
    sink, first = mqtt(proxy.port), read(broker.port)
    eventually(lambda: online(first))
    sink.result(make_result("red"))
    proxy.open = False
    broker.stop()
    eventually(lambda: sink.faults)
    for index in range(5):
        sink.event(make_event(index))
    sink.result(make_result("green"))
    again = read(broker.start().port)
    proxy.open = True  # now that the reader is there
    eventually(lambda: len(again.texts("a/b/event")) == 5)
    assert [event["frame"] for event in again.values("a/b/event")] == list(range(5))
    assert [seen["label"] for seen in again.values("a/b/seen")] == ["green"]
    lost, back = sink.faults
    assert "broke" in lost.message
    assert f"back after {back.recovered_s:.1f} s" in back.message
    assert 0 < back.recovered_s < DEADLINE_S
    proxy.close()


@needs_broker
def test_events_that_are_sent_again_keep_their_order(broker: Broker, mqtt: Any, read: Any) -> None:
    proxy = Proxy(broker.start())
    sink = mqtt(proxy.port)
    assert sink._online.wait(DEADLINE_S)
    assert broker.process is not None
    broker.process.send_signal(signal.SIGSTOP)  # it takes them, and confirms none
    for index in range(3):
        sink.event(make_event(index))
    eventually(lambda: sink._client._out_messages)
    proxy.open = False
    broker.process.kill()
    broker.stop()
    eventually(lambda: sink.faults)
    for index in range(3, 6):
        sink.event(make_event(index))
    reader = read(broker.start().port)
    proxy.open = True
    eventually(lambda: len(reader.texts("a/b/event")) == 6)
    assert [event["frame"] for event in reader.values("a/b/event")] == list(range(6))
    proxy.close()


@needs_broker
def test_an_event_that_meets_the_end_of_a_connection_is_sent_at_the_next(
    broker: Broker, mqtt: Any, read: Any
) -> None:
    proxy = Proxy(broker, open=False)
    sink = mqtt(proxy.port)
    eventually(lambda: sink.faults)
    sink._online.set()  # as when the connection breaks just now
    sink.event(make_event(0))
    eventually(lambda: sink._sending)
    sink._online.clear()
    sink.event(make_event(1))
    reader = read(broker.start().port)
    proxy.open = True
    eventually(lambda: len(reader.texts("a/b/event")) == 2)
    assert [event["frame"] for event in reader.values("a/b/event")] == [0, 1]
    proxy.close()


@needs_broker
def test_a_cut_connection_is_offline_at_once_and_comes_back(broker: Broker, mqtt: Any, read: Any) -> None:
    reader = read(broker.start().port)
    proxy = Proxy(broker)
    sink = mqtt(proxy.port)
    eventually(lambda: online(reader))
    proxy.cut()
    eventually(lambda: reader.texts("a/b/status") == ["online", "offline", "online"])
    eventually(lambda: len(sink.faults) == 2)
    proxy.close()


@needs_broker
def test_what_waits_is_bounded_and_the_oldest_are_lost_and_counted(
    broker: Broker, mqtt: Any, read: Any
) -> None:
    proxy = Proxy(broker, open=False)
    sink = mqtt(proxy.port, kept=5)
    for index in range(1000):
        sink.event(make_event(index))
    eventually(lambda: len(sink.faults) == 2)
    assert sum("5 messages wait, the oldest are lost" in told for told in messages(sink)) == 1
    reader = read(broker.start().port)
    proxy.open = True
    eventually(lambda: len(reader.texts("a/b/event")) == 5)
    assert [event["frame"] for event in reader.values("a/b/event")] == list(range(995, 1000))
    assert any("995 messages were lost meanwhile" in told for told in messages(sink))
    proxy.close()


@needs_broker
def test_a_frozen_broker_holds_up_nothing_and_what_waits_is_bounded(broker: Broker, start: Start) -> None:
    sink = MqttSink(MqttAddress.from_url(f"mqtt://127.0.0.1:{broker.start().port}/a/b"), kept=30)
    sink.start(start)
    assert sink._online.wait(DEADLINE_S)
    assert broker.process is not None
    broker.process.send_signal(signal.SIGSTOP)
    sink.event(make_event(0))
    eventually(lambda: sink._client._out_messages)
    began = time.monotonic()
    for index in range(1, 1000):
        sink.event(make_event(index))
    assert time.monotonic() - began < 5
    assert (len(sink._client._out_messages), len(sink._waiting)) == (1, 30)
    began = time.monotonic()
    sink.close(SUMMARY)
    assert time.monotonic() - began < 5
    assert "31 messages are lost at the end" in messages(sink)[-1]


def test_closing_takes_no_time_while_the_broker_is_down(start: Start) -> None:
    sink = MqttSink(MqttAddress.from_url(f"mqtt://127.0.0.1:{free_port()}/a/b"))
    sink.start(start)
    sink.event(make_event(0))
    eventually(lambda: sink.faults)
    began = time.monotonic()
    sink.close(SUMMARY)
    assert time.monotonic() - began < 4
    assert "1 messages are lost at the end" in messages(sink)[-1]


def test_closing_takes_no_time_while_nobody_answers(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sink = MqttSink(MqttAddress.from_url(f"mqtt://127.0.0.1:{silent.getsockname()[1]}/a/b"))
        sink.start(start)
        began = time.monotonic()
        sink.close(SUMMARY)
        assert time.monotonic() - began < 5


def test_closing_waits_for_no_attempt_to_connect(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as taken:
        for _ in range(4):  # nobody accepts them, and for a further one there is no place
            place = taken.enter_context(socket.socket())
            place.setblocking(False)
            place.connect_ex(full.getsockname())
        sink = MqttSink(MqttAddress("127.0.0.1", full.getsockname()[1], "a/b"))
        sink.start(start)
        began = time.monotonic()
        sink.close(SUMMARY)
        assert time.monotonic() - began < 4


def test_a_host_without_address_is_a_failure_that_passes(start: Start) -> None:
    sink = MqttSink(MqttAddress.from_url("mqtt://nowhere.invalid/a"))
    sink.start(start)
    eventually(lambda: sink.faults)
    assert "its host's name is not found; going on" in messages(sink)[0]
    sink.close(SUMMARY)
