"""Home Assistant's discovery messages: what they hold, and what their templates make of what MqttSink publishes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from edgecls import __version__
from edgecls.runtime.sinks.home_assistant import discovery_messages
from edgecls.runtime.sinks.sink import Start

# https://github.com/home-assistant/core/blob/dev/homeassistant/components/mqtt/discovery.py
TOPIC = re.compile(r"homeassistant/sensor/[a-zA-Z0-9_-]+/(?P<key>[a-zA-Z0-9_-]+)/config")


def payloads(start: Start) -> dict[str, dict[str, Any]]:
    """The payload of each entity by its last name."""
    found = {}
    for topic, text in discovery_messages(start, node="n1", prefix="edgecls/shelf").items():
        match = TOPIC.fullmatch(topic)
        assert match
        found[match["key"]] = json.loads(text)
    return found


def rendered(template: str, message: str) -> str:
    """As Home Assistant renders it: `value_json` is the message read as JSON."""
    jinja2 = pytest.importorskip("jinja2", reason="needs the extra 'report'")
    return str(jinja2.Template(template).render(value=message, value_json=json.loads(message)))


def test_both_sensors_belong_to_one_device_that_is_available_by_its_status(start: Start) -> None:
    found = payloads(start)
    assert sorted(found) == ["confidence", "seen"]
    assert len({payload["unique_id"] for payload in found.values()}) == 2
    for payload in found.values():
        assert payload["device"] == {
            "identifiers": ["n1"],
            "name": "shelf",
            "manufacturer": "edgecls",
            "model": "tiny",
            "sw_version": __version__,
        }
        assert payload["state_topic"] == "edgecls/shelf/seen"
        assert payload["availability_topic"] == "edgecls/shelf/status"
        assert (payload["payload_available"], payload["payload_not_available"]) == ("online", "offline")
        assert payload["origin"]["name"] == "edgecls"


def test_what_is_seen_is_an_enum_of_labels_and_none(start: Start) -> None:
    seen = payloads(start)["seen"]
    assert (seen["device_class"], seen["options"]) == ("enum", ["red", "green", "blue", "none"])
    assert not {"state_class", "unit_of_measurement"} & set(seen)  # forbidden with an enum


def test_a_label_called_none_stands_once_among_the_options(start: Start) -> None:
    assert payloads(replace(start, labels=("none", "1")))["seen"]["options"] == ["none", "1"]


def test_confidence_is_a_measurement_in_percent(start: Start) -> None:
    confidence = payloads(start)["confidence"]
    assert (confidence["state_class"], confidence["unit_of_measurement"]) == ("measurement", "%")


@pytest.mark.parametrize(
    ("message", "state", "percent"),
    [("null", "none", "None"), ('{"label": "grün {{x}}", "confidence": 0.98765}', "grün {{x}}", "98.8")],
)
def test_the_templates_turn_what_is_published_into_states(
    start: Start, message: str, state: str, percent: str
) -> None:
    found = payloads(start)
    assert rendered(found["seen"]["value_template"], message) == state
    assert rendered(found["confidence"]["value_template"], message) == percent
