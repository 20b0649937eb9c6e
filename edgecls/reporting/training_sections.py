"""What a page says about a training run: problems, curves, confusions, classes, configuration."""

from __future__ import annotations

from edgecls.metrics import balanced_accuracy
from edgecls.reporting.figures import class_bars, confusion_matrix, learning_curves
from edgecls.reporting.page import Facts, Picture, Section, Table, Tile, Warnings
from edgecls.reporting.training_report import TrainingReport
from edgecls.reporting.wording import interval, percent


def training_tiles(report: TrainingReport) -> tuple[Tile, ...]:
    epochs = max((len(values) for values in report.history.values()), default=0)
    balanced = balanced_accuracy(report.matrix) if report.matrix.sum() else 0.0
    present = [r for r in report.class_reports if r.support]
    worst = min(present, key=lambda r: r.recall, default=None)
    tiles = [
        Tile(
            "top-1",
            percent(report.top1.value),
            f"95 % interval {interval(report.top1)}, {report.top1.n} photos",
        ),
        Tile("balanced", percent(balanced), f"mean recall of {len(present)} classes"),
        Tile("epochs", str(epochs), "the best weights were kept"),
    ]
    if worst is not None:
        tiles.append(Tile("hardest class", percent(worst.recall), f"recall of {worst.label}"))
    return tuple(tiles)


def training_sections(report: TrainingReport) -> tuple[Section, ...]:
    curves = Picture(
        learning_curves(report.history),
        "Loss and accuracy of training and validation photos over the epochs",
        "",
    )
    matrix = Picture(
        confusion_matrix(report.matrix, report.labels),
        "Confusion matrix, rows are the true classes",
        f"Each row is a true class; colour is the share of its {report.photos}, numbers are photos.",
    )
    bars = Picture(
        class_bars(report.class_reports), "Recall and precision of each class", "Hardest class on top."
    )
    return (
        Section("To look at", (Warnings(report.problems),) if report.problems else ()),
        Section("Learning curves", (curves,) if report.history else ()),
        Section("What is taken for what", (matrix,)),
        Section("Class by class", (bars, _class_table(report))),
        Section("Training data", (Facts(report.data),) if report.data else ()),
        Section("Training configuration", (Facts(report.facts),) if report.facts else ()),
        Section("Training versions", (Facts(report.versions),) if report.versions else ()),
    )


def _class_table(report: TrainingReport) -> Table:
    rows = tuple(
        (r.label, percent(r.precision), percent(r.recall), percent(r.f1), str(r.support))
        if r.support
        else (r.label, "–", "no photos", "–", "0")
        for r in report.class_reports
    )
    return Table(("class", "precision", "recall", "F1", "photos"), rows)
