"""EngineChoice: what was timed of a bundle on a machine, and which of it is taken."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timed:
    """What one configuration took: the smaller of two medians of an invocation, in ms."""

    file: str
    format: str
    precision: str
    engine: str
    threads: int
    invoke_ms: float


@dataclass(frozen=True)
class Choice:
    """The fastest configuration, when it was found, all that were timed, and why others were not."""

    chosen: Timed
    measured: str
    timed: tuple[Timed, ...]
    left_out: tuple[str, ...]
