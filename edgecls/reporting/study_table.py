"""The one table of a study: every cell's accuracy, cost and latency with the document's own figure beside it."""

from __future__ import annotations

from collections.abc import Sequence

from edgecls.reporting.page import Block, Bullets, Prose, Table, Warnings
from edgecls.reporting.study_cells import (
    cell_title,
    data_names,
    failed,
    figures_beside,
    same_photos,
)
from edgecls.reporting.wording import interval, milliseconds, percent
from edgecls.studies.result import CellResult, LatencyResult, StudyResult, latency_of, per_million
from edgecls.studies.study import Study

COLUMNS = (
    "network, regime",
    "data",
    "photos",
    "top-1",
    "95 %",
    "document",
    "per class",
    "weighted F1",
    "training",
    "param.",
    "multiply-adds",
    "points per M param.",
    "float ms",
    "int8 ms",
    "int8 top\N{NON-BREAKING HYPHEN}1",
)
DATA = 1  # the column of the data set
NOTE = (
    "Top-1 on so many test photos with its 95 % interval (Wilson). Document: its own figure, and the photos it was "
    "obtained on. Per class: mean recall of the classes. Training: with decoding and scoring; a frozen network's pass "
    "over the photos for its heads counts in the first cell. Parameters and multiply-adds: the whole classifier at "
    "this picture size. Points: percentage points of top-1 for each million parameters. ms: median of one picture, "
    "timed in turn in one run, one thread; int8 top-1 is known of the cell whose model was made int8."
)


def table_blocks(study: Study, result: StudyResult) -> tuple[Block, ...]:
    """The table, what its columns mean, and what has no figure, in sentences."""
    rows = [_cells(study, result, cell) for cell in result.cells]
    blocks: list[Block] = [_without_empty(COLUMNS, rows), Prose(NOTE)]
    if failures := tuple(f"{_where(result, cell)}: {cell.failure}" for cell in failed(result)):
        blocks.append(Warnings(failures))
    if notes := tuple(
        f"{timed.network} at {timed.size} px: {timed.note}" for timed in result.latencies if timed.note
    ):
        blocks.append(Bullets(notes))
    return tuple(blocks)


def _without_empty(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """The table without the columns in which no row has anything, and without a data set that all rows share."""
    several = len({row[DATA] for row in rows}) > 1
    said = [i for i in range(len(columns)) if any(row[i] != "–" for row in rows) and (several or i != DATA)]
    return Table(
        tuple(columns[i] for i in said), tuple(tuple(row[i] for i in said) for row in rows), left=1 + several
    )


def _where(result: StudyResult, cell: CellResult) -> str:
    return f"{cell_title(result, cell.name)} on {cell.name.data}"


def _cells(study: Study, result: StudyResult, cell: CellResult) -> tuple[str, ...]:
    accuracy = _accuracy(study, cell)
    return (
        cell_title(result, cell.name),
        cell.name.data,
        *accuracy,
        *_cost(cell),
        *_latency(cell, latency_of(cell, result.latencies)),
    )


def _accuracy(study: Study, cell: CellResult) -> tuple[str, ...]:
    beside = document_cell(study, cell)
    if cell.test is None:
        return ("–", "failed", "–", beside, "–", "–")
    return (
        str(cell.test.n),
        percent(cell.test.value),
        interval(cell.test),
        beside,
        "–" if cell.balanced_accuracy is None else percent(cell.balanced_accuracy),
        "–" if cell.weighted_f1 is None else f"{cell.weighted_f1:.3f}",
    )


def document_cell(study: Study, cell: CellResult) -> str:
    """The document's figure and where it is from, e.g. "66.7 % (military)" or "81.8 % (same)"."""
    parts = []
    for figure in figures_beside(study, cell.name):
        where = "same" if same_photos(study, figure, cell.name.data) else figure.data
        parts.append(f"{percent(figure.top1)} ({where})")
    return ", ".join(parts) or "–"


def _cost(cell: CellResult) -> tuple[str, ...]:
    density = per_million(cell)
    return (
        duration(cell.seconds.get("total", 0)) if cell.seconds else "–",
        "–" if cell.parameters is None else amount(cell.parameters),
        "–" if cell.multiply_adds is None else amount(cell.multiply_adds),
        "–" if density is None else f"{100 * density:.3g}",
    )


def _latency(cell: CellResult, timed: LatencyResult | None) -> tuple[str, str, str]:
    """Cells of one classifier share its times; int8 accuracy is known of the one that was made int8."""
    if timed is None:
        return "–", "–", "–"
    known = timed.int8_top1 if timed.cell == cell.name else None
    return (
        milliseconds(timed.float_ms),
        "–" if timed.int8_ms is None else milliseconds(timed.int8_ms),
        "–" if known is None else percent(known.value),
    )


def amount(count: int) -> str:
    """A number of parameters or operations with three digits: 61.7 k, 138 M, 15.5 G."""
    for factor, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= factor:
            return f"{float(f'{count / factor:.3g}'):g} {unit}"
    return str(count)


def duration(seconds: float) -> str:
    """Time as people say it: 8.2 s, 4 min 10 s, 6 h 2 min."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def comparison_warnings(study: Study, result: StudyResult) -> tuple[str, ...]:
    """What keeps our figures and the document's from being compared number by number."""
    sentences = []
    for data in data_names(result):
        others = {
            figure.data
            for cell in result.cells
            if cell.name.data == data
            for figure in figures_beside(study, cell.name)
            if not same_photos(study, figure, data)
        }
        if others:
            sentences.append(
                f"The document's figures beside {data} were obtained on other photos ({', '.join(sorted(others))}): "
                "compare the order of the networks and the sign of a difference, not the numbers."
            )
    if photos := study.budgets[result.budget].photos:
        limits = ", ".join(f"{count} {split}" for split, count in photos.items())
        whole = " The document had the whole sets." if _has_same(study, result) else ""
        sentences.append(f"Budget {result.budget}: at most {limits} photos of each data set.{whole}")
    return tuple(sentences)


def _has_same(study: Study, result: StudyResult) -> bool:
    """Whether some figure of the document was obtained on a data set of ours."""
    return any(
        same_photos(study, figure, cell.name.data)
        for cell in result.cells
        for figure in figures_beside(study, cell.name)
    )
