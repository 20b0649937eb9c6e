"""The review's claims (document 2) against a study's own figures: fits in sentences, a table and a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isinf

from edgecls.reporting.page import Block, Bullets, Prose, Table
from edgecls.reporting.study_cells import best_of, best_of_networks, data_names, scored, top1_of
from edgecls.reporting.wording import milliseconds, percent
from edgecls.studies.fitting import (
    FEWEST_POINTS,
    Hyperbola,
    Line,
    Outlier,
    fit_hyperbola,
    fit_line,
    worst_outlier,
)
from edgecls.studies.result import CellResult, LatencyResult, StudyResult, latency_of, per_million

# ENet's top-1 for each parameter over that of another network, as the review has it, for ImageNet.
DENSITY_CLAIMS = {"alexnet": 13, "vgg19": 24}
DENSITY_COLUMNS = (
    "ENet against",
    "data",
    "ENet, points per M param.",
    "the other",
    "ratio",
    "document's ratio",
)
GOOD, FAIR = 0.9, 0.5  # R squared from which a claim is said to hold well, and in part
DENSITY_NOTE = (
    "The document counts top-1 on ImageNet for each parameter of networks with 1,000 outputs; ours are other photos, "
    "other numbers of outputs and other training, so only the order is the same question."
)


@dataclass(frozen=True)
class TimeFit:
    """The line of latency over multiply-adds, and what it was fitted to."""

    latencies: tuple[LatencyResult, ...]
    line: Line
    outlier: Outlier

    @property
    def labels(self) -> tuple[str, ...]:
        """The networks, with their picture sizes where these differ."""
        several = len({timed.size for timed in self.latencies}) > 1
        return tuple(_label(timed, size=several) for timed in self.latencies)


@dataclass(frozen=True)
class AccuracyFit:
    """Top-1 over time as a hyperbola, and the points it was fitted to: ms and fraction of each network's best cell."""

    points: tuple[tuple[float, float], ...]
    curve: Hyperbola

    @property
    def rises(self) -> bool:
        """Whether slower networks are more accurate; else there is no curve to speak of."""
        return self.curve.cost > 0

    @property
    def formula(self) -> str:
        return f"top-1 = {100 * self.curve.limit:.1f} − {100 * self.curve.cost:.2g} / ms points"


def _label(timed: LatencyResult, *, size: bool) -> str:
    width = "" if timed.width == 1 else f" x{timed.width:g}"
    return f"{timed.network}{width}" + (f" ({timed.size} px)" if size else "")


def fit_times(result: StudyResult) -> TimeFit | None:
    """The fit over everything timed; None with fewer than 4 networks."""
    latencies = _one_of_each(result.latencies)
    if len({timed.network for timed in latencies}) < FEWEST_POINTS:
        return None
    operations, times = [timed.multiply_adds for timed in latencies], [timed.float_ms for timed in latencies]
    if len(set(operations)) == 1:
        return None
    line = fit_line(operations, times)
    return TimeFit(latencies, line, worst_outlier(line, operations, times))


def _one_of_each(latencies: Sequence[LatencyResult]) -> tuple[LatencyResult, ...]:
    """The first of each network, width and size: another number of classes is no other network."""
    first: dict[tuple[str, float, int], LatencyResult] = {}
    for timed in latencies:
        first.setdefault((timed.network, timed.width, timed.size), timed)
    return tuple(first.values())


def time_sentences(fit: TimeFit) -> tuple[str, ...]:
    """How well operations tell the time, and which network they mislead about."""
    line, outlier = fit.line, fit.outlier
    factor = (
        f"is {outlier.factor:.1f} times off"
        if not isinf(outlier.factor)
        else "is given no time above 0 by the line"
    )
    return (
        f"Operations estimate the time: {_holds(line.r_squared)}. A straight line over {len(fit.latencies)} classifiers "
        f"explains {percent(line.r_squared)} of the variance (R squared {line.r_squared:.2f}); "
        f"it adds {1e9 * line.slope:.2g} ms for each billion multiply-adds to {line.intercept:.2g} ms.",
        f"Worst outlier: {fit.labels[outlier.index]} {factor}, {milliseconds(outlier.measured)} ms measured, "
        f"{outlier.predicted:.2g} ms by the line.",
    )


def fit_accuracy(result: StudyResult, data: str) -> AccuracyFit | None:
    """The fit over each network's best cell on a data set; None with fewer than 4 times."""
    points = tuple(
        (timed.float_ms, top1_of(cell).value)
        for cell in best_of_networks(result, data)
        if (timed := latency_of(cell, result.latencies))
    )
    if len({time for time, _ in points}) < FEWEST_POINTS:
        return None
    return AccuracyFit(points, fit_hyperbola([time for time, _ in points], [top1 for _, top1 in points]))


def hyperbola_sentences(result: StudyResult) -> tuple[str, ...]:
    """One sentence for each data set with at least 4 timed networks."""
    fits = [(data, fit_accuracy(result, data)) for data in data_names(result)]
    return tuple(_hyperbola_sentence(data, fit) for data, fit in fits if fit)


def _hyperbola_sentence(data: str, fit: AccuracyFit) -> str:
    found = f"R squared {fit.curve.r_squared:.2f} over {len(fit.points)} networks"
    if not fit.rises:
        return f"Accuracy and time are hyperbolic: not on {data}, slower networks are not more accurate there ({found})."
    return (
        f"Accuracy and time are hyperbolic: {_holds(fit.curve.r_squared)} on {data}, {fit.formula} ({found})."
    )


def _holds(r_squared: float) -> str:
    return "holds well" if r_squared >= GOOD else "holds in part" if r_squared >= FAIR else "hardly holds"


@dataclass(frozen=True)
class Density:
    """ENet's points of top-1 for each million parameters beside another network's; `claimed`: the document's ratio."""

    data: str
    other: str
    enet: float
    theirs: float
    claimed: int

    @property
    def ratio(self) -> str:
        return f"{self.enet / self.theirs:.1f}" if self.theirs else "–"


def densities(result: StudyResult) -> tuple[Density, ...]:
    """On each data set that ENet and another network of the claim were trained on."""
    found = []
    for data in data_names(result):
        best = {cell.config.network: cell for cell in _best_of_table_networks(result, data)}
        for other, claimed in DENSITY_CLAIMS.items():
            if "enet" in best and other in best:
                ours, theirs = (100 * (per_million(best[name]) or 0.0) for name in ("enet", other))
                found.append(Density(data, other, ours, theirs, claimed))
    return tuple(found)


def density_sentences(result: StudyResult) -> tuple[str, ...]:
    """A sentence for each data set."""
    found = densities(result)
    return tuple(
        f"Accuracy for each parameter on {data}: ENet has "
        + " and ".join(
            f"{each.ratio} times {each.other}'s (document: {each.claimed})"
            for each in found
            if each.data == data
        )
        + "."
        for data in dict.fromkeys(each.data for each in found)
    )


def density_table(result: StudyResult) -> Table | None:
    """ENet's top-1 for each parameter over that of others, ours beside the document's; None without ENet."""
    rows = tuple(
        (each.other, each.data, f"{each.enet:.3g}", f"{each.theirs:.3g}", each.ratio, str(each.claimed))
        for each in densities(result)
    )
    return Table(DENSITY_COLUMNS, rows, left=2) if rows else None


def _best_of_table_networks(result: StudyResult, data: str) -> list[CellResult]:
    """Each network's best cell, by the network's own name, whatever the study calls it."""
    cells = scored(result, data)
    return [
        best_of([cell for cell in cells if cell.config.network == network])
        for network in dict.fromkeys(cell.config.network for cell in cells)
    ]


def claims_blocks(result: StudyResult) -> tuple[Block, ...]:
    """Everything but the picture; empty where a study has too few timed networks and no ENet."""
    fit, table = fit_times(result), density_table(result)
    sentences = (*(time_sentences(fit) if fit else ()), *hyperbola_sentences(result))
    return (
        *((Bullets(sentences),) if sentences else ()),
        *((table, Prose(DENSITY_NOTE)) if table else ()),
    )
