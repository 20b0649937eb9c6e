"""Records: JSON becomes a dataclass only when every key and every type is right."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest

from edgecls.errors import ModelError
from edgecls.records import from_record, to_record


class Kind(Enum):
    ROUND = "round"
    LONG = "long"


@dataclass(frozen=True)
class Part:
    name: str
    share: float


@dataclass(frozen=True)
class Whole:
    count: int
    sure: bool
    kind: Kind
    parts: tuple[Part, ...]
    note: str | None
    versions: dict[str, str]


WHOLE = Whole(3, True, Kind.LONG, (Part("a", 0.5), Part("b", 1.0)), None, {"numpy": "2"})


def changed(**values: Any) -> dict[str, Any]:
    return {**to_record(WHOLE), **values}


def test_a_record_read_again_is_the_same_value() -> None:
    assert from_record(Whole, to_record(WHOLE), "x") == WHOLE


def test_a_whole_number_may_stand_for_a_float() -> None:
    found = from_record(Part, {"name": "a", "share": 1}, "x")
    assert (found.share, type(found.share)) == (1.0, float)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"colour": "red"}, "unknown key colour"),
        ({"count": "3"}, "expected int, found '3'.*count"),
        ({"count": 3.5}, "expected int, found 3.5"),
        ({"count": True}, "expected int, found True"),
        ({"sure": 1}, "expected bool, found 1"),
        ({"kind": "square"}, "'square' is not a valid Kind"),
        ({"parts": [{"name": "a"}]}, "the key 'share' is missing.*parts"),
        ({"parts": [{"name": "a", "share": 1, "size": 2}]}, "unknown key size.*parts"),
        ({"parts": [7]}, "expected Part, found something else"),
        ({"note": 5}, "expected str, found 5"),
        ({"versions": {"numpy": 2}}, "expected str, found 2"),
    ],
)
def test_a_wrong_record_is_refused_with_the_reason(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        from_record(Whole, changed(**values), "bundle/manifest.json")
    assert "bundle/manifest.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_fault_of_a_record_is_named_at_once() -> None:
    with pytest.raises(ModelError, match=r"found '3'.*found 1"):
        from_record(Whole, changed(count="3", sure=1), "x")


@pytest.mark.parametrize("record", [None, [], "text", 5])
def test_what_is_no_object_is_refused(record: Any) -> None:
    with pytest.raises(ModelError, match="expected an object, found something else @ x"):
        from_record(Whole, record, "x")
