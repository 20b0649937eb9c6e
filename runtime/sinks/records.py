"""Records: what a run tells, as JSON values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from edgecls.files import utc_now
from edgecls.prediction import Prediction
from edgecls.runtime.sinks.sink import Result, Start, Summary
from edgecls.runtime.sources.source import Fault, Frame
from edgecls.runtime.watcher import Event, Seen

SCHEMA = 1


def start_record(start: Start) -> dict[str, Any]:
    """What is about to run as JSON values."""
    return {"time": utc_now(), **asdict(start)}


def result_record(result: Result) -> dict[str, Any]:
    """A result as JSON values; `path` only where the source has files, `seen` where frames follow each other."""
    frame, found, stages = result.frame, result.prediction, result.stages_ms
    record: dict[str, Any] = {
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
        "drops": result.losses.drops,
        "stale": result.losses.stale,
    }
    if result.watched:
        record["seen"] = seen_record(result.seen, frame)
    return {**record, "path": str(frame.path)} if frame.path else record


def seen_record(seen: Seen | None, frame: Frame) -> dict[str, Any] | None:
    """What is there, and for how long at that frame; None for nothing known."""
    if seen is None:
        return None
    return {
        "label": seen.label,
        "index": seen.index,
        "confidence": round(seen.confidence, 6),
        "for_s": round((frame.at_ns - seen.since_ns) / 1e9, 3),
    }


def event_record(event: Event) -> dict[str, Any]:
    """An event as JSON values; `duration_s` and `reason` of a leave only."""
    record: dict[str, Any] = {
        "time": event.time,
        "event": event.kind,
        "label": event.label,
        "index": event.index,
        "confidence": round(event.confidence, 6),
        "frame": event.frame,
    }
    if event.duration_s is not None:
        record |= {"duration_s": round(event.duration_s, 3), "reason": event.reason}
    return record


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
    """An error, or the end of one, as JSON values; `frame` and `path` where it concerns one picture."""
    record: dict[str, Any] = {"time": utc_now(), "message": fault.message, "fatal": fault.fatal}
    if fault.recovered_s is not None:
        record["recovered_s"] = round(fault.recovered_s, 3)
    if fault.index is not None:
        record["frame"] = fault.index
    return {**record, "path": str(fault.path)} if fault.path else record


def summary_record(summary: Summary) -> dict[str, Any]:
    """A summary as JSON values; a stage without samples is left out."""
    return {
        "time": utc_now(),
        "frames": summary.frames,
        "drops": summary.losses.drops,
        "stale": summary.losses.stale,
        "errors": summary.faults,
        "events": summary.events,
        "unsent": dict(summary.unsent),
        "seconds": round(summary.seconds, 3),
        "results_per_s": round(summary.results_per_s, 3),
        "stages_ms": {
            stage: {"n": p.n, "p50": round(p.p50, 3), "p90": round(p.p90, 3), "p99": round(p.p99, 3)}
            for stage, p in summary.stages_ms.items()
        },
    }
