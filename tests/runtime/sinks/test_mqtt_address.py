"""MqttAddress: which broker, which topic, and secrets that stay so."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from edgecls.errors import UsageError
from edgecls.runtime.sinks.mqtt_address import MqttAddress
from tests.runtime.sinks.mqtt_parts import SECRET


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
