"""The small multiples of a study: learning curves of cells, and their confusions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from edgecls.metrics import Indices
from edgecls.reporting.drawing import BLUE, CARD, FAINT, INK, ORANGE, drawing, new_figure, plain, rendered
from edgecls.reporting.figures import DARK_CELL, scaled, shortened
from edgecls.runs import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from edgecls.studies.result import CellResult

CURVES_ACROSS = 4
MATRICES_ACROSS = 3
COUNTED = 14  # up to so many classes the cells of a small matrix carry their counts
NAMED = 30  # up to so many classes its rows carry their names
FEW_EPOCHS = 3


def curve_multiples(cells: Sequence[CellResult], titles: Sequence[str], format: str = "svg") -> bytes:
    """Top-1 of training and validation photos over the epochs, a panel a cell, all on one scale."""
    across = min(CURVES_ACROSS, len(cells))
    down = -(-len(cells) // across)
    with drawing():
        figure = new_figure(2.35 * across + 0.5, 1.75 * down + 0.5)
        panels = figure.subplots(down, across, sharey=True, squeeze=False).ravel()
        for axes, cell, title in zip(panels, cells, titles, strict=False):
            _draw_curves(axes, cell.history or {})
            axes.set_title(title, fontsize=8.5)
        for axes in panels[len(cells) :]:
            axes.set_visible(False)
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(handles, names, frameon=False, fontsize=8.5, ncols=2, loc="outside upper right")
        figure.supylabel("top-1, %", fontsize=9, color=FAINT)
        figure.supxlabel("epoch", fontsize=9, color=FAINT)
        return rendered(figure, format)


def _draw_curves(axes: Axes, history: History) -> None:
    plain(axes)
    axes.set_ylim(0, 102)
    axes.locator_params(axis="x", integer=True, nbins=5)
    for key, label, colour in (("accuracy", "training", BLUE), ("val_accuracy", "validation", ORANGE)):
        values = scaled(history.get(key, ()), 100)
        marker = "o" if len(values) <= FEW_EPOCHS else ""
        axes.plot(
            range(1, len(values) + 1),
            values,
            color=colour,
            marker=marker,
            markersize=4,
            linewidth=1.6,
            label=label,
        )


def matrix_multiples(
    cells: Sequence[CellResult], titles: Sequence[str], *, labels: Sequence[str], format: str = "svg"
) -> bytes:
    """A confusion matrix a cell, rows true classes, columns what they were taken for in the same order.

    Colour is the share of a row. Counts stand in the cells up to 14 classes, names at the rows up to 30.
    """
    across = min(MATRICES_ACROSS, len(cells))
    down = -(-len(cells) // across)
    side = 3.1 if len(labels) > 4 else 2.2
    with drawing():
        figure = new_figure(side * across + 1.2, side * down + 0.35 * down)
        panels = figure.subplots(down, across, sharey=True, sharex=True, squeeze=False).ravel()
        for axes, cell, title in zip(panels, cells, titles, strict=False):
            _draw_matrix(axes, np.array(cell.matrix, np.int64), labels=labels)
            axes.set_title(title, fontsize=8.5)
        for axes in panels[len(cells) :]:
            axes.set_visible(False)
        return rendered(figure, format)


def _draw_matrix(axes: Axes, matrix: Indices, *, labels: Sequence[str]) -> None:
    support = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, support, out=np.zeros(matrix.shape), where=support > 0)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(labels) <= NAMED:
        axes.set_yticks(range(len(labels)), [shortened(label) for label in labels], fontsize=7, color=INK)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if len(labels) <= COUNTED:
        _write_counts(axes, matrix, shares)


def _write_counts(axes: Axes, matrix: Indices, shares: Any) -> None:
    for row, column in np.argwhere(matrix > 0):
        colour = CARD if shares[row, column] > DARK_CELL else INK
        axes.text(column, row, str(matrix[row, column]), ha="center", va="center", fontsize=6.5, color=colour)
