"""Finding: one line of `edgecls doctor`: what was looked at, how it stands, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(str, Enum):
    """How a part of the installation stands."""

    OK = "ok"
    WARN = "warn"
    MISSING = "missing"


@dataclass(frozen=True)
class Finding:
    """What a check saw. `advice` is one sentence, empty where nothing needs doing."""

    subject: str
    state: State
    found: str
    advice: str = ""


def good(subject: str, found: str) -> Finding:
    return Finding(subject, State.OK, found)


def warn(subject: str, found: str, advice: str) -> Finding:
    return Finding(subject, State.WARN, found, advice)


def missing(subject: str, found: str, advice: str) -> Finding:
    return Finding(subject, State.MISSING, found, advice)
