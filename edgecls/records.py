"""Strict reading of JSON into frozen dataclasses: an unknown key or a wrong type is an error, not a guess."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import cattrs

from edgecls.errors import ModelError

T = TypeVar("T")


def _strict(kind: type) -> Callable[[Any, Any], Any]:
    def check(value: Any, _: Any) -> Any:
        wrong_bool = isinstance(value, bool) and kind is not bool
        if wrong_bool or not isinstance(value, (int, float) if kind is float else kind):
            raise TypeError(f"expected {kind.__name__}, found {value!r}")
        return kind(value)

    return check


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)
    for kind in (str, int, float, bool):
        converter.register_structure_hook(kind, _strict(kind))
    return converter


_CONVERTER = _converter()


def to_record(value: Any) -> Any:
    """A dataclass as plain JSON values."""
    return _CONVERTER.unstructure(value)


def from_record(kind: type[T], record: Any, owner: str) -> T:
    """JSON values as the dataclass `kind`.

    Raises ModelError naming `owner`, the key, what was expected and what was found.
    """
    try:
        return _CONVERTER.structure(record, kind)
    except Exception as error:  # cattrs gathers every fault of a record in one exception group
        reasons = "; ".join(cattrs.transform_error(error, path=owner, format_exception=_reason))
        raise ModelError(f"{reasons}; written by another version or changed by hand, make it anew") from error


def _reason(error: BaseException, kind: type | None) -> str:
    if isinstance(error, KeyError):
        return f"the key '{error.args[0]}' is missing"
    if isinstance(error, cattrs.ForbiddenExtraKeysError):
        return f"unknown key {', '.join(sorted(error.extra_fields))}"
    if isinstance(error, (TypeError, AttributeError)) and not str(error).startswith("expected"):
        return f"expected {getattr(kind, '__name__', 'an object')}, found something else"
    return str(error)
