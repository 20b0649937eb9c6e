"""The folder of a study: results of cells by key, study.json, table.csv and classes.csv, and who may write there."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edgecls.errors import EdgeclsError, ModelError
from edgecls.files import read_json, write_bytes, write_json
from edgecls.locks import own
from edgecls.records import from_record, to_record
from edgecls.studies.result import CellResult, StudyResult, latency_of, per_million

DOCUMENT = "study.json"
TABLE = "table.csv"
CLASSES = "classes.csv"


class Store:
    """Results of cells in FOLDER/cells/KEY.json, each written whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _path(self, key: str) -> Path:
        return self.folder / "cells" / f"{key}.json"

    def find(self, key: str) -> CellResult | None:
        """The result of that key; None when there is none, or one that another version wrote."""
        if not self._path(key).is_file():
            return None
        try:
            found = from_record(CellResult, read_json(self._path(key)), str(self._path(key)))
        except ModelError:
            return None  # trained again, or found again in its run, and then overwritten
        return found if found.key == key and found.failure is None else None

    def keep(self, result: CellResult) -> None:
        """Write a result that is no failure."""
        if result.failure is None:
            self._path(result.key).parent.mkdir(parents=True, exist_ok=True)
            write_json(self._path(result.key), to_record(result))

    def forget(self, key: str) -> None:
        """Remove the result of that key, if there is one."""
        self._path(key).unlink(missing_ok=True)


@contextmanager
def own_folder(folder: Path) -> Iterator[None]:
    """Make the folder and keep other studies out of it. Raises EdgeclsError when one is at work there."""
    with own(folder, command="edgecls study", option="--out"):
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise EdgeclsError(
                f"{folder}: cannot be made ({error.strerror}); choose another place with --out"
            ) from error
        yield


def write_result(folder: Path, result: StudyResult) -> None:
    """Write FOLDER/study.json, FOLDER/table.csv and FOLDER/classes.csv."""
    write_json(folder / DOCUMENT, to_record(result))
    cells = [_figures(cell) | _latency(cell, result) for cell in result.cells]
    write_bytes(folder / TABLE, _csv(COLUMNS, cells))
    write_bytes(
        folder / CLASSES, _csv(CLASS_COLUMNS, [row for cell in result.cells for row in _classes(cell)])
    )


COLUMNS = (
    *("data", "network", "regime", "seed", "n", "top1", "low", "high", "balanced_accuracy", "weighted_f1"),
    *("train_photos", "epochs", "seconds", "parameters", "multiply_adds", "top1_per_million_parameters"),
    *("float_ms", "int8_ms", "int8_top1", "weights", "failure"),
)
CLASS_COLUMNS = ("data", "network", "regime", "seed", "class", "support", "precision", "recall", "f1")


def _csv(columns: Sequence[str], rows: Sequence[dict[str, object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for figures in rows:
        writer.writerow([figures.get(column, "") for column in columns])
    return text.getvalue().encode()


def _classes(cell: CellResult) -> list[dict[str, object]]:
    """A row a class; one without test photos has no figures, for its zeros would lower every mean."""
    rows: list[dict[str, object]] = []
    for report in cell.classes:
        known = {"precision": report.precision, "recall": report.recall, "f1": report.f1}
        figures = {"class": report.label, "support": report.support} | (known if report.support else {})
        rows.append(to_record(cell.name) | figures)
    return rows


def _figures(cell: CellResult) -> dict[str, object]:
    figures: dict[str, object] = to_record(cell.name)
    if cell.test is None:
        return figures | {"failure": cell.failure or ""}
    return figures | {
        "n": cell.test.n,
        "top1": cell.test.value,
        "low": cell.test.low,
        "high": cell.test.high,
        "balanced_accuracy": cell.balanced_accuracy,
        "weighted_f1": cell.weighted_f1,
        "train_photos": (cell.photos or {}).get("train"),
        "epochs": len((cell.history or {}).get("loss", ())),
        "seconds": (cell.seconds or {}).get("total"),
        "parameters": cell.parameters,
        "multiply_adds": cell.multiply_adds,
        "top1_per_million_parameters": per_million(cell),
        "weights": cell.weights_from,
    }


def _latency(cell: CellResult, result: StudyResult) -> dict[str, object]:
    found = latency_of(cell, result.latencies)
    if found is None:
        return {}
    int8 = found.int8_top1.value if found.int8_top1 and found.cell == cell.name else ""
    return {"float_ms": found.float_ms, "int8_ms": found.int8_ms, "int8_top1": int8}
