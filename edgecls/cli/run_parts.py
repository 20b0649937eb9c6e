"""The parts that `edgecls run` puts together: the watcher, what is announced, and the table at the end."""

from __future__ import annotations

from dataclasses import replace

from edgecls.errors import UsageError
from edgecls.runtime.classifier import Classifier
from edgecls.runtime.selection import Selection
from edgecls.runtime.sinks.sink import Start, Summary
from edgecls.runtime.sources.source import FrameSource
from edgecls.runtime.watcher import Steadiness, Watcher


def read_size(text: str | None) -> tuple[int, int] | None:
    """(width, height) from WIDTHxHEIGHT. Raises UsageError for anything else."""
    if text is None:
        return None
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise UsageError(f"--size expects WIDTHxHEIGHT, found '{text}'; try 1280x720")
    return int(width), int(height)


def read_votes(text: str) -> tuple[int, int]:
    """(K, N) from K/N. Raises UsageError for anything else."""
    confirm, _, of = text.partition("/")
    if not (confirm.isdecimal() and of.isdecimal()):
        raise UsageError(f"--confirm expects K/N, found '{text}'; try 3/5")
    return int(confirm), int(of)


def with_threshold(selection: Selection, threshold: float | None) -> Selection:
    """The selection with one threshold for all labels, unless None."""
    if threshold is None:
        return selection
    model = selection.model
    card = replace(model.card, thresholds=(threshold,) * len(model.card.labels))
    return replace(selection, model=replace(model, card=card))


def make_watcher(source: FrameSource, selection: Selection, steadiness: Steadiness) -> Watcher | None:
    """A watcher where frames follow each other; photos of a folder have nothing to do with each other."""
    if not source.sequence:
        return None
    return Watcher(selection.model.labels, selection.model.card.thresholds, steadiness)


def make_start(source: FrameSource, selection: Selection, classifier: Classifier) -> Start:
    """What is about to run."""
    model, engine = selection.model, classifier.engine
    return Start(
        source=source.name,
        live=source.live,
        bundle=selection.bundle.name if selection.bundle else None,
        model=model.path.name,
        network=model.card.network,
        precision=model.card.precision,
        engine=engine.name,
        arithmetic=engine.arithmetic,
        threads=engine.threads,
        labels=model.card.labels,
    )


def print_summary(summary: Summary) -> None:
    """The stages' percentiles as a table."""
    from edgecls.cli.console import print_table

    rows = [[stage, f"{p.p50:.2f}", f"{p.p90:.2f}", f"{p.p99:.2f}"] for stage, p in summary.stages_ms.items()]
    if rows:
        print_table(f"Stages of {summary.frames} frames, ms", ["stage", "p50", "p90", "p99"], rows)
