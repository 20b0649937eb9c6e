"""Accuracy against what it costs: top-1 over latency and over multiply-adds, and latency over multiply-adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgecls.metrics import Proportion
from edgecls.reporting.drawing import BLUE, CARD, FAINT, ORANGE, RULE, drawing, new_figure, plain, rendered
from edgecls.reporting.label_fitting import Box
from edgecls.reporting.scatter import WIDE_RANGE, data_box, fit_labels, label_at, logarithmic
from edgecls.studies.fitting import Line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from edgecls.reporting.study_claims import AccuracyFit

MEGA = 1e6
FIT = "fit"  # the name of the fitted curve inside the SVG
SMOOTH = 200  # so many points make a smooth curve
BESIDE_LABELS = 60  # points of it that labels keep away from, about as much as from a bar


@dataclass(frozen=True)
class Mark:
    """A network in a picture: what it costs across, top-1 up; the same in int8 where that was measured too."""

    label: str
    across: float
    top1: Proportion
    int8_across: float | None = None
    int8_top1: Proportion | None = None


def accuracy_scatter(
    marks: Sequence[Mark], across: str, *, fit: AccuracyFit | None = None, format: str = "svg"
) -> bytes:
    """The picture; `across` names the axis. Filled: float with its 95 % interval; hollow: the same network in int8.

    Dashed: the fit, with small grey dots for those of its points that lie under no mark.
    """
    with drawing():
        figure = new_figure(8.4, 4.6)
        axes = figure.subplots()
        for mark in marks:
            _draw_mark(axes, mark)
        _dress(axes, marks, across=across)
        if fit:
            _draw_fit(axes, fit)
        labels = [label_at(axes, mark.label, at=(mark.across, 100 * mark.top1.value)) for mark in marks]
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # from here on the axes must stay where the labels are fitted in
        boxes = [_box(axes, x, share) for mark in marks for x, share in _points(mark)]
        bars = [data_box(axes, m.across, low=100 * m.top1.low, high=100 * m.top1.high) for m in marks]
        if fit:
            boxes += [_box(axes, time, top1) for time, top1 in fit.points]
            bars += [_box(axes, time, fit.curve.at(time)) for time in _times(fit, BESIDE_LABELS)]
        fit_labels(axes, labels, marks=boxes, bars=bars)
        return rendered(figure, format)


def _points(mark: Mark) -> list[tuple[float, float]]:
    points = [(mark.across, mark.top1.value)]
    if mark.int8_across is not None:
        points.append((mark.int8_across, (mark.int8_top1 or mark.top1).value))
    return points


def _box(axes: Axes, across: float, share: float) -> Box:
    return data_box(axes, across, low=100 * share, high=100 * share)


def _draw_mark(axes: Axes, mark: Mark) -> None:
    points, share = _points(mark), mark.top1
    axes.plot([x for x, _ in points], [100 * y for _, y in points], color=RULE, linewidth=1.2, zorder=1)
    axes.errorbar(
        mark.across,
        100 * share.value,
        yerr=[[100 * max(0.0, share.value - share.low)], [100 * max(0.0, share.high - share.value)]],
        fmt="none",
        ecolor=BLUE,
        alpha=0.45,
        capsize=3,
        zorder=2,
    )
    for (x, y), colour, face in zip(points, (BLUE, ORANGE), (BLUE, CARD), strict=False):
        axes.plot(x, 100 * y, "o", markersize=7, color=colour, markerfacecolor=face, zorder=4)


def _draw_fit(axes: Axes, fit: AccuracyFit) -> None:
    """The curve between the fastest and the slowest point; it may leave the frame but never widens it."""
    times, shares = zip(*fit.points, strict=True)
    axes.plot(times, [100 * share for share in shares], "o", markersize=4, color=FAINT, zorder=3)
    axes.autoscale_view()
    axes.autoscale(False)
    x = _times(fit, SMOOTH)
    y = [100 * fit.curve.at(time) for time in x]
    axes.plot(x, y, color=FAINT, linewidth=1.2, linestyle="--", zorder=1, gid=FIT)


def _times(fit: AccuracyFit, count: int) -> list[float]:
    """So many times from the fastest point to the slowest, at equal ratios."""
    times = [time for time, _ in fit.points]
    return [float(time) for time in np.geomspace(min(times), max(times), count)]


def _dress(axes: Axes, marks: Sequence[Mark], *, across: str) -> None:
    plain(axes, grid="both")
    axes.set_xlabel(across)
    axes.set_ylabel("top-1, %")
    values = [x for mark in marks for x, _ in _points(mark)]
    if max(values) > WIDE_RANGE * min(values):
        logarithmic(axes, values)
    axes.margins(x=0.12, y=0.12)
    if any(mark.int8_across is not None for mark in marks):
        axes.plot([], [], "o", color=BLUE, label="float")
        axes.plot([], [], "o", color=ORANGE, markerfacecolor=CARD, label="int8")
        axes.legend(frameon=False, fontsize=8.5, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)


def time_scatter(
    labels: Sequence[str],
    *,
    multiply_adds: Sequence[int],
    times: Sequence[float],
    line: Line,
    format: str = "svg",
) -> bytes:
    """Median latency in ms over millions of multiply-adds, both logarithmic, with the straight line fitted to them."""
    across = [count / MEGA for count in multiply_adds]
    with drawing():
        figure = new_figure(8.4, 4.4)
        axes = figure.subplots()
        axes.plot(across, times, "o", markersize=7, color=BLUE, zorder=4)
        _draw_line(axes, line, across=across)
        _dress_time(axes, across, times)
        texts = [
            label_at(axes, text, at=at)
            for text, at in zip(labels, zip(across, times, strict=True), strict=True)
        ]
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        boxes = [data_box(axes, x, low=y, high=y) for x, y in zip(across, times, strict=True)]
        fit_labels(axes, texts, marks=boxes, bars=())
        return rendered(figure, format)


def _draw_line(axes: Axes, line: Line, *, across: Sequence[float]) -> None:
    """The fitted line, which is a curve here; only where it predicts a time above 0."""
    x = np.geomspace(min(across), max(across), SMOOTH)
    y = np.array([line.at(MEGA * a) for a in x])
    axes.plot(x[y > 0], y[y > 0], color=FAINT, linewidth=1.2, linestyle="--", zorder=1)


def _dress_time(axes: Axes, across: Sequence[float], times: Sequence[float]) -> None:
    plain(axes, grid="both")
    logarithmic(axes, across)
    axes.set_yscale("log")
    axes.set_ylim(min(times) / 1.8, max(times) * 1.8)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.set_xlabel("multiply-adds, millions")
    axes.set_ylabel("median latency in float, ms")
    axes.margins(x=0.12)
