"""Every picture of a study's report by name: curves and confusions of a data set, accuracy against cost, the fit."""

from __future__ import annotations

from collections.abc import Sequence

from edgecls.names import slug
from edgecls.reporting.page import Picture
from edgecls.reporting.study_cells import (
    best_of_networks,
    cell_title,
    data_names,
    scored,
    top1_of,
)
from edgecls.reporting.study_claims import AccuracyFit, TimeFit, fit_accuracy, fit_times
from edgecls.reporting.study_figures import curve_multiples, matrix_multiples
from edgecls.reporting.study_scatter import MEGA, Mark, accuracy_scatter, time_scatter
from edgecls.reporting.wording import threads
from edgecls.studies.result import CellResult, LatencyResult, StudyResult, latency_of

Pictures = dict[str, Picture]
FEW_CELLS = 6  # up to so many of a data set all have their confusions shown


def latency_pictures(result: StudyResult) -> Pictures:
    """Accuracy against latency, one picture a data set; float filled, int8 hollow."""
    pictures = {}
    for data in data_names(result):
        timed = [(cell, latency_of(cell, result.latencies)) for cell in best_of_networks(result, data)]
        marks = [_latency_mark(result, cell, found) for cell, found in timed if found]
        if marks:
            count, fit = threads(result.latencies[0].threads), fit_accuracy(result, data)
            fit = fit if fit and fit.rises else None
            pictures[f"accuracy-latency-{slug(data)}"] = Picture(
                accuracy_scatter(marks, f"median latency of one picture, {count}, ms", fit=fit),
                f"Scatter of top-1 on {data} against latency, one mark a network",
                f"{data}: the cell of each network that was made int8, with the accuracy of either file; where none "
                f"of these photos was, its best cell in float. Bars: 95 % interval.{_said(fit, marks)}",
            )
    return pictures


def _said(fit: AccuracyFit | None, marks: Sequence[Mark]) -> str:
    """What the caption says of the curve, and of the points that it was fitted to beside the marks."""
    if fit is None:
        return ""
    apart = set(fit.points) - {(mark.across, mark.top1.value) for mark in marks}
    dots = " Grey dots: best cells that were not made int8." if apart else ""
    return f" Dashed: {fit.formula}, fitted to each network's best cell in float.{dots}"


def _latency_mark(result: StudyResult, best: CellResult, timed: LatencyResult) -> Mark:
    """The cell that was made int8, since both accuracies belong to one model; else the network's best cell."""
    made = timed.cell
    if made is None or (made.data, made.network) != (best.name.data, best.name.network):
        return Mark(best.name.network, timed.float_ms, top1_of(best))
    title = cell_title(result, made)
    share = timed.float_top1 or top1_of(best)
    return Mark(title, timed.float_ms, share, timed.int8_ms if timed.int8_top1 else None, timed.int8_top1)


def operations_pictures(result: StudyResult) -> Pictures:
    """Accuracy against multiply-adds, one picture a data set."""
    pictures = {}
    for data in data_names(result):
        marks = [
            Mark(cell.name.network, cell.multiply_adds / MEGA, top1_of(cell))
            for cell in best_of_networks(result, data)
            if cell.multiply_adds
        ]
        if marks:
            pictures[f"accuracy-operations-{slug(data)}"] = Picture(
                accuracy_scatter(marks, "multiply-adds of one picture, millions"),
                f"Scatter of top-1 on {data} against multiply-adds, one mark a network",
                f"{data}: each network's best cell. Bars: 95 % interval.",
            )
    return pictures


def curve_pictures(result: StudyResult) -> Pictures:
    """Learning curves, one picture a data set, one panel a cell."""
    pictures = {}
    for data in data_names(result):
        cells = [cell for cell in scored(result, data) if cell.history]
        if cells:
            pictures[f"curves-{slug(data)}"] = Picture(
                curve_multiples(cells, [cell_title(result, cell.name) for cell in cells]),
                f"Learning curves of {len(cells)} cells on {data}",
                f"{data}: the stages of a cell follow one another.",
            )
    return pictures


def matrix_pictures(result: StudyResult) -> Pictures:
    """Confusions of all cells where these are few or of one network, else of each network's best; one a data set."""
    pictures = {}
    for data in data_names(result):
        chosen, which = _with_confusions(result, data)
        cells = [cell for cell in chosen if cell.matrix]
        labels = result.labels.get(data, ())
        if cells and labels:
            pictures[f"confusions-{slug(data)}"] = Picture(
                matrix_multiples(cells, [cell_title(result, cell.name) for cell in cells], labels=labels),
                f"Confusion matrices of {which} on {data}, rows are the true classes",
                f"{data}, {which}: rows are the true classes, columns in the same order what they were taken for; "
                "colour is the share of a row.",
            )
    return pictures


def _with_confusions(result: StudyResult, data: str) -> tuple[list[CellResult], str]:
    """All cells where they are few, or regimes of one network; else each network's best. And which these are."""
    cells = scored(result, data)
    networks, regimes = {cell.name.network for cell in cells}, {cell.name.regime for cell in cells}
    if len(cells) <= FEW_CELLS or (len(networks) == 1 and len(regimes) > 1):
        return cells, "all cells"
    return best_of_networks(result, data), "each network's best cell"


def time_pictures(result: StudyResult) -> Pictures:
    """Latency against multiply-adds with the fitted line; none with fewer than 4 timed networks."""
    fit = fit_times(result)
    return {"latency-operations": _time_picture(fit)} if fit else {}


def _time_picture(fit: TimeFit) -> Picture:
    svg = time_scatter(
        fit.labels,
        multiply_adds=[timed.multiply_adds for timed in fit.latencies],
        times=[timed.float_ms for timed in fit.latencies],
        line=fit.line,
    )
    return Picture(
        svg,
        "Scatter of latency against multiply-adds with a fitted line",
        "Dashed: the straight line fitted to these times, bent by the logarithmic axes.",
    )
