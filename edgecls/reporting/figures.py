"""The pictures of a training run: learning curves, confusion matrix, per-class bars. SVG or PNG bytes."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import TYPE_CHECKING

import numpy as np

from edgecls.metrics import ClassReport, Indices
from edgecls.reporting.drawing import (
    BLUE,
    CARD,
    FAINT,
    INK,
    ORANGE,
    RULE,
    drawing,
    new_figure,
    plain,
    rendered,
)
from edgecls.runs import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COUNTED = 30  # up to so many classes the cells of a confusion matrix carry their counts
NAMED = 60  # up to so many classes every row and column carries its name
LONG_NAME = 24
DARK_CELL = 0.55  # shares above this are written in white


def learning_curves(history: History, format: str = "svg") -> bytes:
    """Loss and accuracy of training and validation photos over the epochs; absent curves are left out."""
    with drawing():
        figure = new_figure(8.4, 3.3)
        left, right = figure.subplots(1, 2)
        _curves(left, history, "loss", 1.0)
        _curves(right, history, "accuracy", 100.0)
        left.set_title("loss")
        right.set_title("top-1, %")
        return rendered(figure, format)


def _curves(axes: Axes, history: History, key: str, scale: float) -> None:
    plain(axes)
    axes.set_xlabel("epoch")
    axes.locator_params(axis="x", integer=True)
    for name, label, colour in ((key, "training", BLUE), (f"val_{key}", "validation", ORANGE)):
        values = scaled(history.get(name, ()), scale)
        marker = "o" if len(values) < 3 else ""
        if values:
            axes.plot(
                range(1, len(values) + 1), values, color=colour, marker=marker, linewidth=1.8, label=label
            )
    if axes.lines:
        axes.legend(frameon=False, fontsize=8.5, loc="lower right", bbox_to_anchor=(1, 0.99), ncols=2)


def scaled(values: Sequence[float | None], scale: float) -> list[float]:
    """The values of a history to be drawn; a gap where an epoch diverged."""
    return [nan if value is None else scale * value for value in values]


def confusion_matrix(matrix: Indices, labels: Sequence[str], format: str = "svg") -> bytes:
    """Counts of shape (classes, classes) as a heat map: row = true class, colour = share of the row.

    A class without photos is an empty row. Counts stand in the cells up to 30 classes, names at every row
    up to 60.
    """
    classes = len(labels)
    side = min(max(5.2, 2.6 + 0.34 * classes), 13.0)
    with drawing():
        figure = new_figure(side + 0.6, side)
        axes = figure.subplots()
        support = matrix.sum(axis=1, keepdims=True)
        shares = np.divide(matrix, support, out=np.zeros(matrix.shape), where=support > 0)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        _name_cells(axes, labels)
        if classes <= COUNTED:
            _write_counts(axes, matrix, shares)
        return rendered(figure, format)


def _name_cells(axes: Axes, labels: Sequence[str]) -> None:
    classes = len(labels)
    step = -(-classes // NAMED)
    size = 9 if classes <= 16 else 7.5 if classes <= COUNTED else 6
    names = [shortened(label) for label in labels[::step]]
    axes.set_yticks(range(0, classes, step), names, fontsize=size)
    axes.set_xticks(
        range(0, classes, step), names, fontsize=size, rotation=55, ha="left", rotation_mode="anchor"
    )
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("taken for")
    axes.set_ylabel("true class")
    axes.tick_params(length=0, which="both", labelcolor=INK)
    axes.spines[:].set_visible(False)
    axes.set_xticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(classes + 1) - 0.5, minor=True)
    if classes <= NAMED:
        axes.grid(True, which="minor", color=RULE, linewidth=0.6)


def _write_counts(
    axes: Axes, matrix: Indices, shares: np.ndarray[tuple[int, int], np.dtype[np.float64]]
) -> None:
    size = 9 if len(matrix) <= 16 else 7
    for row, column in np.argwhere(matrix > 0):
        colour = CARD if shares[row, column] > DARK_CELL else INK
        axes.text(
            column, row, str(matrix[row, column]), ha="center", va="center", fontsize=size, color=colour
        )


def class_bars(reports: Sequence[ClassReport], format: str = "svg") -> bytes:
    """Recall as bars and precision as marks for each class: worst recall on top, no photos last."""
    ordered = sorted(reports, key=lambda report: (report.support == 0, report.recall, report.label))
    with drawing():
        figure = new_figure(8.4, 1.2 + 0.27 * len(ordered))
        axes = figure.subplots()
        rows = range(len(ordered))
        axes.barh(rows, [100 * r.recall for r in ordered], color=BLUE, alpha=0.8, height=0.62, label="recall")
        called = [i for i in rows if ordered[i].precision > 0]
        axes.plot([100 * ordered[i].precision for i in called], called, "D", color=ORANGE, markersize=5,
                  markeredgecolor=CARD, label="precision")  # fmt: skip
        _dress_bars(axes, ordered)
        return rendered(figure, format)


def _dress_bars(axes: Axes, ordered: Sequence[ClassReport]) -> None:
    plain(axes, grid="x")
    axes.set_yticks(range(len(ordered)), [shortened(report.label) for report in ordered], color=INK)
    axes.invert_yaxis()
    axes.margins(y=0.02)
    axes.set_xlim(0, 112)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel("%")
    for i, report in enumerate(ordered):
        note = f"{report.support} photos" if report.support else "no photos"
        axes.text(103, i, note, va="center", fontsize=8, color=FAINT)
    handles, names = axes.get_legend_handles_labels()
    axes.legend(
        handles[::-1],
        names[::-1],
        frameon=False,
        fontsize=8.5,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=2,
    )


def shortened(label: str) -> str:
    """A class name short enough for an axis."""
    return label if len(label) <= LONG_NAME else label[: LONG_NAME - 1] + "…"
