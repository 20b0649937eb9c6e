"""Sink: where results go, and the facts it is given."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from edgecls.files import utc_text
from edgecls.prediction import Prediction
from edgecls.runtime.sources.source import Fault, Frame
from edgecls.runtime.timing import Percentiles
from edgecls.runtime.watcher import Event, Seen


class SinkClosed(Exception):
    """Nobody takes results any more; the pipeline ends quietly."""


@dataclass(frozen=True)
class Start:
    """What is about to run: source, model file and engine. `bundle` is None for a file by itself."""

    source: str
    live: bool
    bundle: str | None
    model: str
    network: str
    precision: str
    engine: str
    arithmetic: str
    threads: int
    labels: tuple[str, ...]


@dataclass(frozen=True)
class StagesMs:
    """What each stage of one frame took, in ms; `whole` is from the start of preprocess to the decision."""

    capture: float
    preprocess: float
    invoke: float
    decide: float

    @property
    def whole(self) -> float:
        return self.preprocess + self.invoke + self.decide


@dataclass(frozen=True)
class Losses:
    """Frames of a live source that gave no result so far.

    `drops`: a newer one was there before anybody had time. `stale`: older than allowed when they were taken, or when
    their result was there.
    """

    drops: int = 0
    stale: int = 0


@dataclass(frozen=True, eq=False)
class Result:
    """What was found in one frame.

    `unix_ns` is the time of the decision, in ns since 1970, `time` the same as text. `age_ms` runs from the frame's
    capture to the decision. `seen` is what the Watcher says is there, None for nothing; `watched` is whether there is a
    Watcher.
    """

    frame: Frame
    unix_ns: int
    age_ms: float
    prediction: Prediction
    stages_ms: StagesMs
    losses: Losses = Losses()
    seen: Seen | None = None
    watched: bool = False

    @property
    def time(self) -> str:
        """UTC, ISO 8601; made when it is asked for, off the pipeline's thread."""
        return utc_text(self.unix_ns)


@dataclass(frozen=True)
class Summary:
    """The whole run: results, frames lost, pictures passed over, and the percentiles of each stage.

    `unsent` counts, by sink, the results that it was too slow to take.
    """

    frames: int
    losses: Losses
    faults: int
    events: int
    unsent: Mapping[str, int]
    seconds: float
    stages_ms: Mapping[str, Percentiles]

    @property
    def results_per_s(self) -> float:
        return self.frames / self.seconds if self.seconds > 0 else 0.0


class Sink(Protocol):
    """Takes what a pipeline finds, in order, on a thread of its own (see Outlet).

    Any method but `close` may raise SinkClosed to end the run well, or EdgeclsError to end it as failed. What a sink
    can get over, a broker that is down above all, it tells by `faults`, from any thread.
    """

    name: str
    faults: deque[Fault]

    def start(self, start: Start) -> None: ...

    def result(self, result: Result) -> None: ...

    def event(self, event: Event) -> None: ...

    def fault(self, fault: Fault) -> None: ...

    def close(self, summary: Summary) -> None:
        """The last call, whatever happened before; it may take a few seconds to send what is left."""
        ...


class QuietSink:
    """Takes everything and does nothing with it: sinks that care for some of it derive from this."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.faults: deque[Fault] = deque()

    def start(self, start: Start) -> None:
        pass

    def result(self, result: Result) -> None:
        pass

    def event(self, event: Event) -> None:
        pass

    def fault(self, fault: Fault) -> None:
        pass

    def close(self, summary: Summary) -> None:
        pass
