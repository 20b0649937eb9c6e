"""Which classes a study's networks find hard: a table a data set, and the hardest class in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

from edgecls.reporting.page import Block, Prose, Table
from edgecls.reporting.study_cells import best_of_networks, cell_title, data_names
from edgecls.reporting.wording import percent
from edgecls.studies.result import CellResult, StudyResult

MANY = 30  # above so many classes only the hardest have a row
HARDEST = 15
NAMED = 3  # so many of equally hard classes are named, the others counted
NOTE = (
    "Recall in %, the share of a class's test photos that was recognised, of each network's best cell; the hardest "
    "class stands on top. Of a class with 10 test photos each one is worth 10 points. Precision and F1, and all other "
    "cells: classes.csv."
)


@dataclass(frozen=True)
class ClassRow:
    """A class, the number of its test photos, and its recall by each of the networks, fractions."""

    label: str
    support: int
    recalls: tuple[float, ...]

    @property
    def mean(self) -> float:
        return fsum(self.recalls) / len(self.recalls)  # equal for equal recalls in any order


def class_rows(cells: Sequence[CellResult]) -> list[ClassRow]:
    """The classes of cells of one data set, hardest first by mean recall, those without test photos last."""
    rows = [
        ClassRow(reports[0].label, reports[0].support, tuple(report.recall for report in reports))
        for reports in zip(*(cell.classes for cell in cells), strict=True)
    ]
    return sorted(rows, key=lambda row: (row.support == 0, row.mean))


def classes_blocks(result: StudyResult) -> tuple[Block, ...]:
    """What the figures mean, then a sentence and a table for each data set; empty without any class's figure."""
    blocks: list[Block] = []
    for data in data_names(result):
        cells = [cell for cell in best_of_networks(result, data) if cell.classes]
        if cells:
            rows = class_rows(cells)
            blocks += [Prose(hardest_sentence(data, rows) + _left_out(rows)), _table(result, cells, rows)]
    return (Prose(NOTE), *blocks) if blocks else ()


def hardest_sentence(data: str, rows: Sequence[ClassRow]) -> str:
    """The class with the lowest recall, of several networks with the lowest on average."""
    rows = [row for row in rows if row.support]
    worst = [row for row in rows if row.mean == rows[0].mean]
    several = len(rows[0].recalls) > 1
    if len(worst) == len(rows):
        return f"{data}: no class is harder than another{' on average' if several else ''}."
    if not several:
        return f"Hardest on {data}: {_names(worst)}, recall {percent(rows[0].mean)}."
    return (
        f"Hardest on {data} on average of the networks: {_names(worst)}, mean recall {percent(rows[0].mean)} "
        f"({_span(worst[0].recalls)})."
    )


def _names(rows: Sequence[ClassRow]) -> str:
    names = [row.label for row in rows]
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _span(shares: Sequence[float]) -> str:
    low, high = percent(min(shares)), percent(max(shares))
    return low if low == high else f"{low} to {high}"


def _left_out(rows: Sequence[ClassRow]) -> str:
    return f" Only the {HARDEST} hardest of its {len(rows)} classes are shown." if len(rows) > MANY else ""


def _table(result: StudyResult, cells: Sequence[CellResult], rows: Sequence[ClassRow]) -> Table:
    """A column a network, and their mean where there are several."""
    mean = ("mean",) if len(cells) > 1 else ()
    shown = rows[:HARDEST] if len(rows) > MANY else rows
    return Table(
        ("class", "test photos", *(cell_title(result, cell.name) for cell in cells), *mean),
        tuple((row.label, str(row.support), *_figures(row)) for row in shown),
    )


def _figures(row: ClassRow) -> tuple[str, ...]:
    shares = (*row.recalls, row.mean) if len(row.recalls) > 1 else row.recalls
    return tuple(f"{100 * share:.1f}" if row.support else "–" for share in shares)
