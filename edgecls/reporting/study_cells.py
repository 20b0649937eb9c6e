"""Choosing from a study's result: which cells have figures, the best of each network, what stands beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgecls.metrics import Proportion
from edgecls.studies.planning import data_root
from edgecls.studies.result import CellName, CellResult, StudyResult
from edgecls.studies.study import Data, DocumentFigure, Study


def scored(result: StudyResult, data: str | None = None) -> list[CellResult]:
    """The cells that have a test figure, of one data set or of all."""
    return [cell for cell in result.cells if cell.test and data in (None, cell.name.data)]


def top1_of(cell: CellResult) -> Proportion:
    """Top-1 of a cell that `scored` gave."""
    assert cell.test is not None
    return cell.test


def failed(result: StudyResult) -> list[CellResult]:
    return [cell for cell in result.cells if cell.failure]


def data_names(result: StudyResult) -> list[str]:
    """Data sets in which some cell has a figure, in the order of the study."""
    return list(dict.fromkeys(cell.name.data for cell in scored(result)))


def best_of(cells: Sequence[CellResult]) -> CellResult:
    """The cell with the highest top-1, the first of equals."""
    return max(cells, key=lambda cell: top1_of(cell).value)


def best_of_networks(result: StudyResult, data: str) -> list[CellResult]:
    """Each network's best cell on a data set."""
    networks: dict[str, list[CellResult]] = {}
    for cell in scored(result, data):
        networks.setdefault(cell.name.network, []).append(cell)
    return [best_of(cells) for cells in networks.values()]


def cell_title(result: StudyResult, name: CellName) -> str:
    """Network and regime, and the seed where there are several."""
    several = len({cell.name.seed for cell in result.cells}) > 1
    return f"{name.network}, {name.regime}" + (f", seed {name.seed}" if several else "")


def figures_beside(study: Study, name: CellName) -> list[DocumentFigure]:
    """The document's figures that belong beside a cell."""
    return [
        figure
        for figure in study.documents
        if (figure.network, figure.regime) == (name.network, name.regime)
        and name.data in (figure.data, figure.beside)
    ]


def same_photos(study: Study, figure: DocumentFigure, data: str) -> bool:
    """Whether the document's figure was obtained on the data set that the study calls `data`."""
    theirs = study.data.get(figure.data, Data()).path or f"data/{figure.data}"
    return Path(theirs) == data_root(study, data)


def document_difference(study: Study, first: CellName, second: CellName) -> tuple[float, str] | None:
    """How far the document has `first` above `second`, a fraction, and on which data; None where it is silent."""
    for one in figures_beside(study, first):
        for other in figures_beside(study, second):
            if one.data == other.data:
                return one.top1 - other.top1, one.data
    return None
