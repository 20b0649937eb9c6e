"""Sinks at work, for several files of tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from edgecls.runtime.sinks.mqtt import MqttSink
from edgecls.runtime.sinks.mqtt_address import MqttAddress
from edgecls.runtime.sinks.sink import Start
from tests.runtime.sinks.mqtt_parts import SUMMARY


@pytest.fixture
def mqtt(start: Start) -> Iterator[Callable[..., MqttSink]]:
    """Makes started sinks that publish below a/b."""
    pytest.importorskip("paho.mqtt.client", reason="needs the extra 'mqtt'")
    made: list[MqttSink] = []

    def make(port: int, **options: Any) -> MqttSink:
        made.append(MqttSink(MqttAddress.from_url(f"mqtt://127.0.0.1:{port}/a/b"), **options))
        made[-1].start(start)
        return made[-1]

    yield make
    for sink in made:
        sink.close(SUMMARY)
