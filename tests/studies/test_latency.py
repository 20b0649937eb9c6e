"""Latencies are kept with their samples: found again under today's names, and measured again when unreadable."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgecls.devices.detect import detect_machine
from edgecls.errors import DataError
from edgecls.export.options import export_versions
from edgecls.metrics import wilson
from edgecls.records import to_record
from edgecls.studies import latency, model_files
from edgecls.studies.latency import DOCUMENT, _timed, one_of_each
from edgecls.studies.model_files import DOCUMENT as MADE
from edgecls.studies.model_files import FLOAT, INT8, Made, Making, _find, make_files
from edgecls.studies.planning import Cell
from edgecls.studies.result import CellName, CellResult, LatencyResult
from edgecls.training.options import TrainingOptions, make_config

CELL = CellResult(
    CellName("tints", "lenet", "scratch", 0),
    "key",
    make_config(TrainingOptions(network="lenet", regime="scratch")),
    "now",
    None,
    {},
    test=wilson(9, 12),
)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The names of the files of each measurement; every invocation takes 2 ms."""
    found: list[list[str]] = []

    def measure(files: list[Path], hear: object) -> dict[Path, list[float]]:
        found.append([path.name for path in files])
        return {path: [2.0, 2.0] for path in files}

    monkeypatch.setattr(latency, "measure_files", measure)
    return found


def timed(folder: Path, cell: CellResult = CELL, *, model: bytes = b"model") -> LatencyResult:
    target = folder / "models" / "abc"
    target.mkdir(parents=True, exist_ok=True)
    (target / FLOAT).write_bytes(model)
    made = {"abc": (cell, target, Made(5, None, None, "no int8", {}))}
    (result,) = _timed(made, folder, detect_machine(), print)
    return result


def cell(regime: str, right: int, *, seed: int = 0, data: str = "tints") -> CellResult:
    return replace(CELL, name=CellName(data, "lenet", regime, seed), test=wilson(right, 12))


def test_the_best_cell_of_a_classifier_is_timed_on_its_first_data_set_with_its_first_seed() -> None:
    cells = [
        cell("plain", 12, seed=1),
        cell("plain", 7),
        cell("tuned", 9),
        cell("again", 9),
        cell("tuned", 11, data="photos"),
        replace(cell("failed", 12), failure="no memory"),
    ]
    assert one_of_each(cells) == [cells[2]]
    wide = replace(CELL, config=replace(CELL.config, width=2.0))
    assert one_of_each([CELL, wide]) == [CELL, wide]


def test_kept_latencies_bear_the_names_of_today(tmp_path: Path, measured: list[list[str]]) -> None:
    first = timed(tmp_path)
    renamed = replace(CELL, name=replace(CELL.name, regime="from-nothing"))
    again = timed(tmp_path, renamed)
    assert measured == [[FLOAT]]
    assert again == replace(first, cell=renamed.name)
    assert first.float_ms == again.float_ms == 2.0


def test_a_file_of_other_bytes_is_measured_again(tmp_path: Path, measured: list[list[str]]) -> None:
    timed(tmp_path)
    timed(tmp_path, model=b"made anew")
    assert measured == [[FLOAT], [FLOAT]]


def test_another_engine_is_measured_again(
    tmp_path: Path, measured: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    timed(tmp_path)
    monkeypatch.setattr(latency, "version", lambda package: "99")
    timed(tmp_path)
    assert measured == [[FLOAT], [FLOAT]]


@pytest.mark.parametrize("change", [{"further": 1}, {"samples": {}}, {"samples": None}])
def test_latencies_of_another_edgecls_count_as_none(
    tmp_path: Path, measured: list[list[str]], change: dict[str, object]
) -> None:
    first = timed(tmp_path)
    record = json.loads((tmp_path / DOCUMENT).read_text())
    (tmp_path / DOCUMENT).write_text(json.dumps(record | change))
    assert timed(tmp_path) == first
    assert measured == [[FLOAT], [FLOAT]]


@pytest.mark.parametrize("text", [None, "{", "[]", '{"float_bytes": 5, "further": 1}'])
def test_model_files_of_another_edgecls_count_as_none(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / MADE).write_text(text)
    assert _find(tmp_path) is None


WHOLE = Made(5, 5, wilson(9, 12), "", export_versions())


def keep(folder: Path, made: Made, *files: str) -> None:
    (folder / MADE).write_text(json.dumps(to_record(made)))
    for name in files:
        (folder / name).write_bytes(b"model")


def test_model_files_are_found_again(tmp_path: Path) -> None:
    keep(tmp_path, WHOLE, FLOAT, INT8)
    assert _find(tmp_path) == WHOLE


def test_model_files_of_other_versions_are_made_again(tmp_path: Path) -> None:
    keep(tmp_path, replace(WHOLE, versions=WHOLE.versions | {"keras": "2.0"}), FLOAT, INT8)
    assert _find(tmp_path) is None


@pytest.mark.parametrize("lost", [FLOAT, INT8])
def test_a_lost_model_file_is_made_again(tmp_path: Path, lost: str) -> None:
    keep(tmp_path, WHOLE, FLOAT, INT8)
    (tmp_path / lost).unlink()
    assert _find(tmp_path) is None


@pytest.fixture
def making(tmp_path: Path) -> Making:
    cell = Cell(CELL.name, CELL.config, tmp_path)
    return Making(cell, "key", tmp_path / "run", tmp_path, {}, threads=1, machine=detect_machine())


MISSING = replace(
    WHOLE, int8_bytes=None, int8_top1=None, note="this step needs the package 'litert_quantizer'"
)


def test_int8_that_could_not_be_made_is_tried_again(
    tmp_path: Path, making: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tmp_path, MISSING, FLOAT)
    monkeypatch.setattr(model_files, "call", lambda *_, **__: keep(tmp_path, WHOLE, FLOAT, INT8))
    assert make_files(making, print) == WHOLE


def test_float_stays_when_int8_cannot_be_tried_again(
    tmp_path: Path, making: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise DataError("the photos are gone")

    keep(tmp_path, MISSING, FLOAT)
    monkeypatch.setattr(model_files, "call", fail)
    assert make_files(making, print) == MISSING
    (tmp_path / FLOAT).unlink()
    with pytest.raises(DataError, match="the photos are gone"):
        make_files(making, print)
