"""MqttSink: a real broker that is unwilling, old, and shared; and TLS."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from edgecls.runtime.sinks.mqtt import MqttSink
from edgecls.runtime.sinks.mqtt_address import MqttAddress
from edgecls.runtime.sinks.sink import Start
from edgecls.runtime.sources.source import Fault
from tests.runtime.sinks.mqtt_parts import SECRET, SUMMARY, make_event, messages, online
from tests.servers.mosquitto import Broker, Proxy, needs_broker
from tests.servers.waiting import DEADLINE_S, eventually

paho = pytest.importorskip("paho.mqtt.client", reason="needs the extra 'mqtt'")


@needs_broker
def test_a_topic_that_the_broker_forbids_is_told_once(
    tmp_path: Path, make_broker: Any, mqtt: Any, read: Any
) -> None:
    allowed = tmp_path / "acl"
    allowed.write_text("topic read #\ntopic write a/b/status\ntopic write a/b/fault\n")
    broker = make_broker("allow_anonymous true", f"acl_file {allowed}").start()
    sink, reader = mqtt(broker.port), read(broker.port)
    for index in range(3):
        sink.event(make_event(index))
    sink.fault(Fault("camera gone"))
    eventually(lambda: reader.texts("a/b/fault"))
    (told,) = messages(sink)
    assert "the broker takes no messages: Not authorized; check what this user may publish" in told
    assert not reader.texts("a/b/event")


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
def test_two_runs_with_one_prefix_are_noticed(broker: Broker, mqtt: Any, read: Any) -> None:
    reader = read(broker.start().port)
    first = mqtt(broker.port)
    eventually(lambda: online(reader))
    second = mqtt(broker.port)
    eventually(lambda: any("again; has another run the same topic?" in told for told in messages(first)))
    eventually(lambda: any("again; has another run the same topic?" in told for told in messages(second)))


@needs_broker
def test_a_broker_that_says_that_another_run_took_over_is_quoted(
    broker: Broker, mqtt: Any, read: Any
) -> None:
    """Debian 12's mosquitto does not say it (MQTT 5, 3.1.4-3), others do: here the proxy."""
    reader = read(broker.start().port)
    proxy = Proxy(broker)
    sink = mqtt(proxy.port)
    eventually(lambda: online(reader))
    proxy.say(b"\xe0\x01\x8e")
    eventually(lambda: sink.faults)
    assert "another run has the same topic and took over; give each its own" in messages(sink)[0]
    proxy.close()


@needs_broker
def test_the_last_will_of_an_earlier_run_does_not_hit_the_next(broker: Broker, mqtt: Any, read: Any) -> None:
    reader = read(broker.start().port)
    address = MqttAddress("127.0.0.1", broker.port, "a/b")
    cut_off = paho.Client(paho.CallbackAPIVersion.VERSION2, address.client_id)
    cut_off.will_set("a/b/status", "offline", 1, True)
    cut_off.connect(address.host, address.port)
    cut_off.loop()
    mqtt(broker.port)
    eventually(lambda: reader.texts("a/b/status") == ["offline", "online"])


@needs_broker
def test_a_broker_that_knows_only_mqtt_3_is_spoken_to_in_that(broker: Broker, mqtt: Any, read: Any) -> None:
    proxy = Proxy(broker.start(), old=True)
    reader = read(broker.port)
    sink = mqtt(proxy.port)
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
def test_an_event_outlives_the_change_to_mqtt_3(broker: Broker, mqtt: Any, read: Any) -> None:
    proxy = Proxy(broker.start())
    sink = mqtt(proxy.port)
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


def test_user_and_password_are_never_shown() -> None:
    address = MqttAddress.from_url(f"mqtt://me1user:{SECRET}@host/a")
    shown = repr(address) + MqttSink(address).name
    assert SECRET not in shown
    assert "me1user" not in shown
