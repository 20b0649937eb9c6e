"""TrainingReport: what a page about a training run shows."""

from __future__ import annotations

from dataclasses import dataclass

from edgecls.metrics import ClassReport, Indices, Proportion
from edgecls.runs import History

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class TrainingReport:
    """A training run as a reader wants to see it.

    `facts` is the configuration, `data` the summary of the photos, `versions` what computed it, each as
    (name, value). `history` maps "loss", "accuracy", "val_loss", "val_accuracy" to one number an epoch,
    shares as fractions. `matrix` is int64, (classes, classes), row = true class; `class_reports` stand in
    the order of its rows. `photos` names what `top1` and `matrix` were counted on. `problems` are sentences.
    """

    title: str
    facts: Pairs
    history: History
    matrix: Indices
    class_reports: tuple[ClassReport, ...]
    top1: Proportion
    problems: tuple[str, ...]
    photos: str = "held-out photos"
    data: Pairs = ()
    versions: Pairs = ()

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(report.label for report in self.class_reports)
