"""MqttSink: a real broker that is there, late, stopped, frozen, unwilling, old, and shared."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.errors import MissingDependencyError, UsageError
from edgecls.prediction import Prediction
from edgecls.runtime.sinks.home_assistant import discovery_messages
from edgecls.runtime.sinks.mqtt import MqttSink
from edgecls.runtime.sinks.mqtt_address import MqttAddress
from edgecls.runtime.sinks.sink import Losses, Result, StagesMs, Start, Summary
from edgecls.runtime.sources.source import Fault, Frame
from edgecls.runtime.watcher import Event, Seen
from tests.servers.mosquitto import Broker, Proxy, Reader, free_port, needs_broker
from tests.servers.waiting import DEADLINE_S, eventually

paho = pytest.importorskip("paho.mqtt.client", reason="needs the extra 'mqtt'")

SUMMARY = Summary(0, Losses(), 0, 0, {}, 1.0, {})
TIME, UNIX_NS = "2026-11-22T10:00:00.000000+00:00", 1_795_341_600_000_000_000
SECRET = "pass1word"


@pytest.fixture
def run(start: Start) -> Iterator[Callable[..., MqttSink]]:
    """Makes started sinks that publish below a/b."""
    made: list[MqttSink] = []

    def make(port: int, **options: Any) -> MqttSink:
        made.append(MqttSink(MqttAddress.from_url(f"mqtt://127.0.0.1:{port}/a/b"), **options))
        made[-1].start(start)
        return made[-1]

    yield make
    for sink in made:
        sink.close(SUMMARY)


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


@needs_broker
def test_everything_arrives_as_documented(broker: Broker, run: Any, read: Any) -> None:
    reader = read(broker.start().port)
    sink = run(broker.port)
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
    broker: Broker, run: Any, read: Any, clock: Any
) -> None:
    reader = read(broker.start().port)
    sink = run(broker.port, clock=clock, results_per_s=0)
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
def test_a_source_that_is_lost_leaves_no_label_behind(broker: Broker, run: Any, read: Any) -> None:
    reader = read(broker.start().port)
    sink = run(broker.port)
    eventually(lambda: online(reader))
    sink.result(make_result())
    sink.event(make_event(1, "leave"))
    sink.event(make_event(1, "leave", "no frames"))
    eventually(lambda: len(reader.texts("a/b/event")) == 2)
    assert [seen and seen["label"] for seen in reader.values("a/b/seen")] == [None, "red", None]
    assert read(broker.port).retained(2)["a/b/seen"] == "null"


@needs_broker
def test_results_come_no_faster_than_asked_for(broker: Broker, run: Any, read: Any, clock: Any) -> None:
    reader = read(broker.start().port)
    sink = run(broker.port, clock=clock, results_per_s=2)
    eventually(lambda: online(reader))
    for index in range(100):
        sink.result(make_result(index=index))
        clock.pass_ms(100)
    sink.event(make_event(0))
    eventually(lambda: reader.texts("a/b/event"))
    assert [result["frame"] for result in reader.values("a/b/result")] == list(range(0, 100, 5))


@needs_broker
def test_at_the_end_all_is_sent_and_nothing_stays_but_offline(
    broker: Broker, read: Any, run: Any, start: Start
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
def test_a_broker_that_is_down_at_first_gets_everything_when_it_comes(
    broker: Broker, run: Any, read: Any
) -> None:
    sink = run(broker.port)
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
def test_a_broker_that_goes_and_comes_back_misses_no_event(broker: Broker, run: Any, read: Any) -> None:
    proxy = Proxy(broker.start())
    sink, first = run(proxy.port), read(broker.port)
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
def test_events_that_are_sent_again_keep_their_order(broker: Broker, run: Any, read: Any) -> None:
    proxy = Proxy(broker.start())
    sink = run(proxy.port)
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
    broker: Broker, run: Any, read: Any
) -> None:
    proxy = Proxy(broker, open=False)
    sink = run(proxy.port)
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
def test_a_topic_that_the_broker_forbids_is_told_once(
    tmp_path: Path, make_broker: Any, run: Any, read: Any
) -> None:
    allowed = tmp_path / "acl"
    allowed.write_text("topic read #\ntopic write a/b/status\ntopic write a/b/fault\n")
    broker = make_broker("allow_anonymous true", f"acl_file {allowed}").start()
    sink, reader = run(broker.port), read(broker.port)
    for index in range(3):
        sink.event(make_event(index))
    sink.fault(Fault("camera gone"))
    eventually(lambda: reader.texts("a/b/fault"))
    (told,) = messages(sink)
    assert "the broker takes no messages: Not authorized; check what this user may publish" in told
    assert not reader.texts("a/b/event")


@needs_broker
def test_a_cut_connection_is_offline_at_once_and_comes_back(broker: Broker, run: Any, read: Any) -> None:
    reader = read(broker.start().port)
    proxy = Proxy(broker)
    sink = run(proxy.port)
    eventually(lambda: online(reader))
    proxy.cut()
    eventually(lambda: reader.texts("a/b/status") == ["online", "offline", "online"])
    eventually(lambda: len(sink.faults) == 2)
    proxy.close()


@needs_broker
def test_a_wrong_password_is_told_once_with_the_reason_and_tried_again(
    tmp_path: Path, make_broker: Any, start: Start
) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "me", "right"], check=True)
    passwords.chmod(0o600)
    broker = make_broker(f"password_file {passwords}").start()
    proxy = Proxy(broker)
    sink = MqttSink(MqttAddress.from_url(f"mqtt://me@127.0.0.1:{proxy.port}/a", password=SECRET))
    sink.start(start)
    eventually(lambda: proxy.connections == 3)
    sink.close(SUMMARY)
    (told,) = messages(sink)
    assert "the broker refuses it: Not authorized, check user and password; going on" in told
    assert SECRET not in told
    right = MqttSink(MqttAddress.from_url(f"mqtt://me:right@127.0.0.1:{broker.port}/a"))
    right.start(start)
    right.event(make_event(0))
    right.close(SUMMARY)
    assert not right.faults
    proxy.close()


@needs_broker
def test_what_waits_is_bounded_and_the_oldest_are_lost_and_counted(
    broker: Broker, run: Any, read: Any
) -> None:
    proxy = Proxy(broker, open=False)
    sink = run(proxy.port, kept=5)
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


@needs_broker
def test_discovery_is_retained_and_told_again_to_a_broker_that_forgot(
    broker: Broker, run: Any, read: Any, start: Start
) -> None:
    sink = run(broker.start().port, discovery=True)
    node = MqttAddress("h", 1, "a/b").client_id
    expected = discovery_messages(start, node=node, prefix="a/b").items()
    eventually(lambda: read(broker.port).retained(4).items() >= expected)
    broker.stop()
    eventually(lambda: sink.faults)
    broker.start()
    eventually(lambda: read(broker.port).retained(4).items() >= expected)


@needs_broker
def test_two_runs_with_one_prefix_are_noticed(broker: Broker, run: Any, read: Any) -> None:
    reader = read(broker.start().port)
    first = run(broker.port)
    eventually(lambda: online(reader))
    second = run(broker.port)
    eventually(lambda: any("again; has another run the same topic?" in told for told in messages(first)))
    eventually(lambda: any("again; has another run the same topic?" in told for told in messages(second)))


@needs_broker
def test_a_broker_that_says_that_another_run_took_over_is_quoted(broker: Broker, run: Any, read: Any) -> None:
    """Debian 12's mosquitto does not say it (MQTT 5, 3.1.4-3), others do: here the proxy."""
    reader = read(broker.start().port)
    proxy = Proxy(broker)
    sink = run(proxy.port)
    eventually(lambda: online(reader))
    proxy.say(b"\xe0\x01\x8e")
    eventually(lambda: sink.faults)
    assert "another run has the same topic and took over; give each its own" in messages(sink)[0]
    proxy.close()


@needs_broker
def test_the_last_will_of_an_earlier_run_does_not_hit_the_next(broker: Broker, run: Any, read: Any) -> None:
    reader = read(broker.start().port)
    address = MqttAddress("127.0.0.1", broker.port, "a/b")
    cut_off = paho.Client(paho.CallbackAPIVersion.VERSION2, address.client_id)
    cut_off.will_set("a/b/status", "offline", 1, True)
    cut_off.connect(address.host, address.port)
    cut_off.loop()
    run(broker.port)
    eventually(lambda: reader.texts("a/b/status") == ["offline", "online"])


@needs_broker
def test_a_broker_that_knows_only_mqtt_3_is_spoken_to_in_that(broker: Broker, run: Any, read: Any) -> None:
    proxy = Proxy(broker.start(), old=True)
    reader = read(broker.port)
    sink = run(proxy.port)
    sink.event(make_event(0))
    eventually(lambda: reader.texts("a/b/event"))
    proxy.cut()
    eventually(lambda: len(sink.faults) == 2)
    assert proxy.connections == 3
    sink.event(make_event(1))
    # The first may come again: the cut can have taken the broker's confirmation.
    eventually(lambda: reader.values("a/b/event")[-1]["frame"] == 1)
    proxy.close()


@needs_broker
def test_an_event_outlives_the_change_to_mqtt_3(broker: Broker, run: Any, read: Any) -> None:
    proxy = Proxy(broker.start())
    sink = run(proxy.port)
    assert sink._online.wait(DEADLINE_S)
    assert broker.process is not None
    broker.process.send_signal(signal.SIGSTOP)
    sink.event(make_event(0))
    eventually(lambda: sink._client._out_messages)
    proxy.old, proxy.open = True, False  # another broker has its address now
    broker.process.kill()
    broker.stop()
    reader = read(broker.start().port)
    proxy.open = True
    eventually(lambda: reader.texts("a/b/event"))
    proxy.close()


@needs_broker
@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl, to make a certificate")
def test_tls_is_checked_against_the_certificate_of_the_ca(
    tmp_path: Path, make_broker: Any, start: Start
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=edgecls", "-addext",
         "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    broker = make_broker(f"certfile {certificate}", f"keyfile {key}", "allow_anonymous true").start()
    url = f"mqtts://127.0.0.1:{broker.port}/a"
    stranger, friend = MqttSink(MqttAddress.from_url(url)), MqttSink(
        MqttAddress.from_url(url, ca_file=certificate)
    )  # fmt: skip
    for sink in (stranger, friend):
        sink.start(start)
    assert friend._online.wait(DEADLINE_S)
    eventually(lambda: stranger.faults)
    assert "its certificate or TLS does not do" in messages(stranger)[0]
    for sink in (stranger, friend):
        sink.close(SUMMARY)
    assert not friend.faults


def test_an_address_has_a_usual_port_and_prefix() -> None:
    address = MqttAddress.from_url("mqtt://me:p%40ss@Example.org")
    assert (address.host, address.port, address.prefix) == (
        "example.org",
        1883,
        f"edgecls/{socket.gethostname()}",
    )
    assert (address.user, address.password) == ("me", "p@ss")
    tls = MqttAddress.from_url("mqtts://me@[::1]/house/door%20cam/", password=SECRET)
    assert (tls.port, tls.prefix, tls.password) == (8883, "house/door cam", SECRET)
    assert tls.shown == "mqtts://[::1]:8883/house/door cam"


def test_a_client_id_belongs_to_the_prefix_and_suits_every_broker() -> None:
    one, same, other = (MqttAddress(host, 1, prefix) for host, prefix in (("h", "a"), ("i", "a"), ("h", "b")))
    assert one.client_id == same.client_id != other.client_id
    assert one.client_id.isalnum()
    assert len(one.client_id) == 23


@pytest.mark.parametrize(
    "url",
    [
        "", "host", "http://host", "mqtt://", "mqtt:///a", "mqtt://host:99999", "mqtt://h:pass1word", "mqtt://host/a#b",
        "mqtt://host/a?b", "mqtt://me:pass1word#@host", "mqtt://[pass1word", "mqtt://host/a/%23", "mqtt://host/+/a",
        "ssl://me:pass1word@host:8883/a", "http://host:80/a", "mqtt://host:0/a",
        "mqtt://host/$SYS", "mqtt://host/a%00", "mqtt://:pass1word@host", f"mqtt://{'x' * 70}.org",
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_used_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        MqttAddress.from_url(url)
    assert SECRET not in str(refused.value)


def test_two_passwords_and_a_password_without_user_are_refused() -> None:
    with pytest.raises(UsageError, match="found both"):
        MqttAddress.from_url(f"mqtt://me:{SECRET}@host", password="other")
    with pytest.raises(UsageError, match="expected a user"):
        MqttAddress.from_url("mqtt://host", password=SECRET)


def test_a_ca_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("nothing")
    for name in ("ca", "absent"):
        with pytest.raises(UsageError, match="expected certificates in PEM"):
            MqttAddress.from_url("mqtts://host", ca_file=tmp_path / name)


@pytest.mark.parametrize("rate", [-1.0, float("nan"), float("inf")])
def test_a_rate_that_makes_no_sense_is_refused(rate: float) -> None:
    with pytest.raises(UsageError, match="results a second"):
        MqttSink(MqttAddress("host", 1, "a"), results_per_s=rate)


def test_user_and_password_are_never_shown() -> None:
    address = MqttAddress.from_url(f"mqtt://me1user:{SECRET}@host/a")
    shown = repr(address) + MqttSink(address).name
    assert SECRET not in shown
    assert "me1user" not in shown


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
