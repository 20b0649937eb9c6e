"""Accuracy against latency: one picture of a benchmark, every variant labelled and no label on another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from edgecls.reporting.drawing import (
    BLUE,
    CARD,
    FAINT,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    RED,
    drawing,
    new_figure,
    plain,
    rendered,
)
from edgecls.reporting.label_fitting import Box, Surface
from edgecls.runtime.benchmark_result import BenchResult, BenchRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

COLOURS = {"float32": BLUE, "float16": PURPLE, "dynamic": RED, "int8": ORANGE, "int8-avx2": GREEN}
MARKERS = {"tflite": "o", "onnx": "D"}
WIDE_RANGE = 5.0  # beyond this ratio of the latencies the axis is logarithmic
POINTS_AN_INCH = 72


def accuracy_latency(result: BenchResult, format: str = "svg") -> bytes:
    """The picture as "svg" or "png" bytes.

    Across: median whole frame; up: top-1 on the bundle's photos with its 95 % interval. A filled mark is a
    variant on one engine at its best thread count, hollow ones are its other thread counts.
    """
    with drawing():
        figure = new_figure(8.4, 4.6)
        axes = figure.subplots()
        best = [_draw_variant(axes, rows) for rows in _by_variant(result.rows)]
        _dress(axes, result.rows)
        labels = [label_at(axes, row.key, at=(row.frame_ms.p50, 100 * row.top1.value)) for row in best]
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # from here on the axes must stay where the labels are fitted in
        fit_labels(
            axes,
            labels,
            marks=[_box(axes, row.frame_ms.p50, row.top1.value, row.top1.value) for row in result.rows],
            bars=[_box(axes, row.frame_ms.p50, row.top1.low, row.top1.high) for row in best],
        )
        return rendered(figure, format)


def _by_variant(rows: Sequence[BenchRow]) -> list[list[BenchRow]]:
    ordered = sorted(rows, key=_variant_key)
    return [sorted(group, key=lambda row: row.threads) for _, group in groupby(ordered, key=_variant_key)]


def _variant_key(row: BenchRow) -> tuple[str, str]:
    return row.file, row.engine


def _draw_variant(axes: Axes, rows: Sequence[BenchRow]) -> BenchRow:
    """Draw one variant's thread counts; gives the fastest row."""
    best = min(rows, key=lambda row: row.frame_ms.p50)
    colour, marker = COLOURS.get(best.precision, INK), MARKERS.get(best.format, "o")
    across, up = [row.frame_ms.p50 for row in rows], [100 * row.top1.value for row in rows]
    axes.plot(across, up, color=colour, alpha=0.45, linewidth=1, zorder=2)
    axes.plot(across, up, marker, markersize=5, color=colour, markerfacecolor=CARD, zorder=3)
    share = best.top1  # at 0 and at 100 % rounding can put an end of the interval past the value
    bars = [[100 * max(0.0, share.value - share.low)], [100 * max(0.0, share.high - share.value)]]
    axes.errorbar(
        best.frame_ms.p50,
        100 * best.top1.value,
        yerr=bars,
        fmt="none",
        ecolor=colour,
        alpha=0.55,
        capsize=3,
        zorder=2,
    )
    axes.plot(best.frame_ms.p50, 100 * best.top1.value, marker, markersize=8, color=colour, zorder=4)
    return best


def _dress(axes: Axes, rows: Sequence[BenchRow]) -> None:
    plain(axes, grid="both")
    axes.set_xlabel("median whole frame, ms (preprocess, invoke, top-1)")
    axes.set_ylabel("top-1 on the bundle's photos, %")
    times = [row.frame_ms.p50 for row in rows]
    if max(times) > WIDE_RANGE * min(times):
        logarithmic(axes, times)
    axes.margins(x=0.12, y=0.12)


def logarithmic(axes: Axes, times: Sequence[float]) -> None:
    """A logarithmic axis with plain numbers at 1, 2 and 5 of each decade."""
    axes.set_xscale("log")
    ticks = [step * 10.0**power for power in range(-3, 7) for step in (1, 2, 5)]
    inside = [tick for tick in ticks if min(times) / 1.5 <= tick <= max(times) * 1.5]
    axes.set_xticks(inside, [f"{tick:g}" for tick in inside])
    axes.minorticks_off()


def label_at(axes: Axes, text: str, *, at: tuple[float, float]) -> Annotation:
    """A label with a line to its mark, for `fit_labels` to place."""
    return axes.annotate(
        text,
        at,
        xytext=(0, 0),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=9,
        zorder=6,
        bbox={"boxstyle": "round,pad=0.15", "facecolor": CARD, "edgecolor": "none", "alpha": 0.85},
        arrowprops={"arrowstyle": "-", "color": FAINT, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 5},
    )


def fit_labels(
    axes: Axes, labels: Sequence[Annotation], *, marks: Sequence[Box], bars: Sequence[Box]
) -> None:
    """Give each label, top down, its cheapest place. The axes must not move afterwards."""
    frame, scale = axes.get_window_extent(), axes.figure.dpi / POINTS_AN_INCH
    surface = Surface(
        page=Box(frame.x0, frame.y0, frame.x1, frame.y1),
        marks=tuple(mark.grown(7) for mark in marks),
        bars=tuple(bar.grown(2) for bar in bars),
    )
    for label in sorted(labels, key=lambda label: (-label.xy[1], label.xy[0])):
        text = super(type(label), label).get_window_extent()  # an Annotation's own takes its line in
        x, y = axes.transData.transform(label.xy)
        place = surface.best_place(x, y, width=text.width, height=text.height, scale=scale)
        label.set_position(((place.x - x) / scale, (place.y - y) / scale))
        surface = surface.with_label(place)


def _box(axes: Axes, across: float, low: float, high: float) -> Box:
    return data_box(axes, across, low=100 * low, high=100 * high)


def data_box(axes: Axes, across: float, *, low: float, high: float) -> Box:
    """Where a vertical bar of the data stands, in pixels; without width."""
    left, bottom = axes.transData.transform((across, low))
    right, top = axes.transData.transform((across, high))
    return Box(left, bottom, right, top)
