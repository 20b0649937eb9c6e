"""Home Assistant: what it is told over MQTT so that a run appears there by itself."""

from __future__ import annotations

import json
from typing import Any

from edgecls import __version__
from edgecls.runtime.sinks.sink import Start

DISCOVERY_PREFIX = "homeassistant"  # Home Assistant's default
NOTHING = "none"


def discovery_messages(start: Start, *, node: str, prefix: str) -> dict[str, str]:
    """The JSON of each sensor by the topic under which it must stay retained.

    One message for each entity, https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery: every Home Assistant
    understands it, while the one for a whole device came with 2024.11. `node` is unique, of letters, digits, _ and -;
    `prefix` is where MqttSink publishes.
    """
    entities = {"seen": _seen(start.labels), "confidence": _confidence()}
    shared = _shared(prefix) | {"device": _device(start, node, prefix)}
    return {
        f"{DISCOVERY_PREFIX}/sensor/{node}/{key}/config": json.dumps(
            {"unique_id": f"{node}_{key}", **entity, **shared}
        )
        for key, entity in entities.items()
    }


def _seen(labels: tuple[str, ...]) -> dict[str, Any]:
    """The label that is there, or "none": Home Assistant ignores a state that is not among the options."""
    return {
        "name": "Seen",
        "icon": "mdi:eye",
        "device_class": "enum",
        "options": list(dict.fromkeys((*labels, NOTHING))),
        "value_template": f"{{{{ value_json.label if value_json else '{NOTHING}' }}}}",
    }


def _confidence() -> dict[str, Any]:
    """How sure that is; "None" is Home Assistant's word for a state that is unknown."""
    return {
        "name": "Confidence",
        "icon": "mdi:percent",
        "state_class": "measurement",
        "unit_of_measurement": "%",
        "value_template": "{{ (value_json.confidence * 100) | round(1) if value_json else 'None' }}",
    }


def _shared(prefix: str) -> dict[str, Any]:
    return {
        "state_topic": f"{prefix}/seen",
        "availability_topic": f"{prefix}/status",
        "payload_available": "online",
        "payload_not_available": "offline",
        "origin": {"name": "edgecls", "sw_version": __version__},
    }


def _device(start: Start, node: str, prefix: str) -> dict[str, Any]:
    return {
        "identifiers": [node],
        "name": prefix.rpartition("/")[2],
        "manufacturer": "edgecls",
        "model": start.network,
        "sw_version": __version__,
    }
