"""Sinks: where results go. Here the facts they are given, and JSON lines for machines."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TextIO

from edgecls.errors import EdgeclsError
from edgecls.files import utc_now
from edgecls.prediction import Prediction
from edgecls.runtime.sources import Fault, Frame
from edgecls.runtime.timing import Percentiles

SCHEMA = 1


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


@dataclass(frozen=True, eq=False)
class Result:
    """What was found in one frame.

    `time` is UTC, ISO 8601. `age_ms` runs from the frame's capture to the decision. `drops` counts the frames
    of a live source that were left out so far.
    """

    frame: Frame
    time: str
    age_ms: float
    prediction: Prediction
    stages_ms: StagesMs
    drops: int


@dataclass(frozen=True)
class Summary:
    """The whole run: results, frames dropped, pictures passed over, and the percentiles of each stage."""

    frames: int
    drops: int
    faults: int
    seconds: float
    stages_ms: Mapping[str, Percentiles]

    @property
    def results_per_s(self) -> float:
        return self.frames / self.seconds if self.seconds > 0 else 0.0


class Sink(Protocol):
    """Takes what a pipeline finds, in order. Any method but `close` may raise SinkClosed to end the run."""

    def start(self, start: Start) -> None: ...

    def result(self, result: Result) -> None: ...

    def fault(self, fault: Fault) -> None: ...

    def close(self, summary: Summary) -> None:
        """The last call, whatever happened before."""
        ...


class JsonLinesSink:
    """One JSON object a line, ASCII only, flushed at once.

    Each has `schema` and `type`: start, result, error or summary. When the reader of the pipe goes away the
    run ends quietly; a stream that cannot be written for another reason raises EdgeclsError.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._closed = False

    def start(self, start: Start) -> None:
        self._write("start", {"time": utc_now(), **asdict(start)})

    def result(self, result: Result) -> None:
        self._write("result", result_record(result))

    def fault(self, fault: Fault) -> None:
        self._write("error", fault_record(fault))

    def close(self, summary: Summary) -> None:
        if not self._closed:
            try:
                self._write("summary", summary_record(summary))
            except SinkClosed:
                return

    def _write(self, type: str, record: dict[str, Any]) -> None:
        line = json.dumps({"schema": SCHEMA, "type": type, **record})
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except BrokenPipeError as error:
            self._abandon()
            raise SinkClosed from error
        except OSError as error:
            self._abandon()
            raise EdgeclsError(f"standard output cannot be written ({error.strerror}); free space") from error

    def _abandon(self) -> None:
        """Let the line that is still buffered go nowhere, or Python complains about it at exit."""
        self._closed = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


def result_record(result: Result) -> dict[str, Any]:
    """A result as JSON values; `path` only where the source has files."""
    frame, found, stages = result.frame, result.prediction, result.stages_ms
    record = {
        "frame": frame.index,
        "time": result.time,
        "captured_ns": frame.captured_ns,
        "age_ms": round(result.age_ms, 3),
        **prediction_record(found),
        "stages_ms": {
            "capture": round(stages.capture, 3),
            "preprocess": round(stages.preprocess, 3),
            "invoke": round(stages.invoke, 3),
            "decide": round(stages.decide, 3),
        },
        "drops": result.drops,
    }
    return {**record, "path": str(frame.path)} if frame.path else record


def prediction_record(found: Prediction) -> dict[str, Any]:
    """A Prediction as JSON values."""
    return {
        "label": found.label,
        "index": found.index,
        "confidence": round(found.confidence, 6),
        "unknown": found.unknown,
        "top": [{"label": label, "confidence": round(confidence, 6)} for label, confidence in found.top],
    }


def fault_record(fault: Fault) -> dict[str, Any]:
    """An error as JSON values; `frame` and `path` where it concerns one picture."""
    record: dict[str, Any] = {"time": utc_now(), "message": fault.message, "fatal": fault.fatal}
    if fault.index is not None:
        record["frame"] = fault.index
    return {**record, "path": str(fault.path)} if fault.path else record


def summary_record(summary: Summary) -> dict[str, Any]:
    """A summary as JSON values; a stage without samples is left out."""
    return {
        "time": utc_now(),
        "frames": summary.frames,
        "drops": summary.drops,
        "errors": summary.faults,
        "seconds": round(summary.seconds, 3),
        "results_per_s": round(summary.results_per_s, 3),
        "stages_ms": {
            stage: {"n": p.n, "p50": round(p.p50, 3), "p90": round(p.p90, 3), "p99": round(p.p99, 3)}
            for stage, p in summary.stages_ms.items()
        },
    }
