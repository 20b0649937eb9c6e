"""The folder of a study holds whole results, strictly read, and one study at a time works in it."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgecls.devices.detect import detect_machine
from edgecls.errors import EdgeclsError
from edgecls.metrics import ClassReport, wilson
from edgecls.records import from_record
from edgecls.studies.result import SCHEMA, CellName, CellResult, LatencyResult, StudyResult
from edgecls.studies.store import CLASS_COLUMNS, COLUMNS, Store, own_folder, write_result
from edgecls.training.options import TrainingOptions, make_config

CONFIG = make_config(TrainingOptions(network="lenet", regime="scratch"))
CELL = CellResult(
    CellName("tints", "lenet", "scratch", 0),
    "key",
    CONFIG,
    "now",
    None,
    {"keras": "3"},
    photos={"train": 30, "validation": 6, "test": 12},
    test=wilson(9, 12),
    seconds={"total": 7.5},
    parameters=2_000_000,
)


def test_a_result_is_found_by_its_key(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.find("key") is None
    store.keep(CELL)
    assert store.find("key") == CELL
    store.forget("key")
    assert store.find("key") is None


def test_a_failure_is_not_kept(tmp_path: Path) -> None:
    Store(tmp_path).keep(replace(CELL, test=None, failure="no"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "{", '{"key": "key"}', "[]"])
def test_what_is_no_result_counts_as_none(tmp_path: Path, text: str) -> None:
    Store(tmp_path).keep(CELL)
    (tmp_path / "cells" / "key.json").write_text(text)
    assert Store(tmp_path).find("key") is None


def test_a_result_under_another_key_counts_as_none(tmp_path: Path) -> None:
    Store(tmp_path).keep(CELL)
    (tmp_path / "cells" / "key.json").rename(tmp_path / "cells" / "other.json")
    assert Store(tmp_path).find("other") is None


def test_two_studies_do_not_work_in_one_folder(tmp_path: Path) -> None:
    with (
        own_folder(tmp_path / "study"),
        pytest.raises(EdgeclsError, match="another `edgecls study` is at work there"),
        own_folder(tmp_path / "study"),
    ):
        pass
    with own_folder(tmp_path / "study"):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(EdgeclsError, match="file: expected a folder to write in, found none"),
        own_folder(tmp_path / "file" / "study"),
    ):
        pass
    with pytest.raises(EdgeclsError, match="file: cannot be made"), own_folder(tmp_path / "file"):
        pass


def test_the_folder_one_stands_in_can_be_the_studys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "study").mkdir()
    monkeypatch.chdir(tmp_path / "study")
    with own_folder(Path()):
        assert [path.name for path in tmp_path.glob(".*")] == [".study.lock"]


def study_result() -> StudyResult:
    latency = LatencyResult(
        "lenet", CONFIG.size, 1, 2_000_000, 5, 1.5, 2.0, None, None, 10, None, note="no", head=CONFIG.head
    )
    bad = replace(CELL, name=replace(CELL.name, seed=1), key="", test=None, seconds=None, failure="gone")
    return StudyResult(
        SCHEMA,
        "tints",
        "quick",
        "edgecls study",
        "now",
        7.5,
        detect_machine(),
        {},
        {},
        (CELL, bad),
        (latency,),
    )


def test_study_json_read_strictly_is_the_study(tmp_path: Path) -> None:
    write_result(tmp_path, study_result())
    record = json.loads((tmp_path / "study.json").read_text())
    assert record["schema"] == SCHEMA
    assert from_record(StudyResult, record, "study.json") == study_result()


def test_the_table_has_a_line_for_each_cell(tmp_path: Path) -> None:
    write_result(tmp_path, study_result())
    with (tmp_path / "table.csv").open(newline="") as file:
        good, bad = csv.DictReader(file)
    assert tuple(good) == COLUMNS
    assert (good["top1"], good["n"], good["seconds"], good["float_ms"]) == ("0.75", "12", "7.5", "1.5")
    assert float(good["top1_per_million_parameters"]) == 0.375
    assert (bad["top1"], bad["failure"]) == ("", "gone")


def test_the_classes_of_each_cell_have_a_line_each(tmp_path: Path) -> None:
    classes = (ClassReport('red, "dark"', 0.25, 0.5, 1 / 3, 12), ClassReport("blue", 0.0, 0.0, 0.0, 0))
    result = study_result()
    write_result(tmp_path, replace(result, cells=(replace(CELL, classes=classes), result.cells[1])))
    with (tmp_path / "classes.csv").open(newline="") as file:
        seen, absent = csv.DictReader(file)
    assert tuple(seen) == CLASS_COLUMNS
    assert tuple(seen.values())[:5] == ("tints", "lenet", "scratch", "0", 'red, "dark"')
    assert tuple(seen.values())[5:] == ("12", "0.25", "0.5", str(1 / 3))
    assert tuple(absent.values())[4:] == ("blue", "0", "", "", ""), "without photos no figure"
