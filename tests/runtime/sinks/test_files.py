"""Files of results: whole lines whatever happens, never larger than allowed, and a full disk that is told once."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.errors import UsageError
from edgecls.prediction import Prediction
from edgecls.runtime.sinks.csv_file import COLUMNS, CsvSink
from edgecls.runtime.sinks.json_lines import JsonFileSink
from edgecls.runtime.sinks.line_file import LineFile
from edgecls.runtime.sinks.sink import Losses, Result, StagesMs, Summary
from edgecls.runtime.sinks.trouble import Trouble
from edgecls.runtime.sources.source import Frame
from edgecls.runtime.watcher import Seen

SUMMARY = Summary(0, Losses(), 0, 0, {}, 1.0, {})


def make_result(index: int = 0, *, label: str = "red", path: Path | None = None) -> Result:
    frame = Frame(np.zeros((1, 1, 3), np.uint8), index, 0, path)
    found = Prediction(0, label, 0.75, False, ((label, 0.75),))
    seen = Seen(0, label, 0.7, 0)
    return Result(frame, 0, 1.5, found, StagesMs(1, 2, 3, 4), Losses(2), seen, watched=True)


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_lines_are_appended_to_what_was_there(tmp_path: Path) -> None:
    for text in ("one", "two"):
        file = LineFile(tmp_path / "a" / "log", max_bytes=100, keep=1)
        file.write(text)
        file.close()
    assert lines(tmp_path / "a" / "log") == ["one", "two"]


def test_a_line_that_a_kill_tore_off_is_ended_before_the_next(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b'{"whole": 1}\n{"to')
    file = LineFile(tmp_path / "log", max_bytes=1000, keep=1)
    file.write('{"whole": 2}')
    file.close()
    assert lines(tmp_path / "log") == ['{"whole": 1}', '{"to', '{"whole": 2}']


def test_a_file_that_would_grow_too_large_is_set_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    file = LineFile(tmp_path / "log", max_bytes=20, keep=2, header="h")
    for number in range(12):
        file.write(f"line {number:03}")  # 9 bytes: two a file, beside the header's 2
    file.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "log.1", "log.2"]
    assert lines(tmp_path / "log") == ["h", "line 010", "line 011"]
    assert lines(tmp_path / "log.1") == ["h", "line 008", "line 009"]
    assert lines(tmp_path / "log.2") == ["h", "line 006", "line 007"]
    assert all(path.stat().st_size <= 20 for path in tmp_path.iterdir())


@pytest.mark.parametrize("gone", ["a/log", "a"])
def test_a_file_that_is_moved_away_is_begun_anew(tmp_path: Path, clock: Any, gone: str) -> None:
    file = LineFile(tmp_path / "a" / "log", max_bytes=1000, keep=1, header="h", clock=clock)
    file.write("one")
    (tmp_path / gone).rename(tmp_path / "b")
    clock.pass_ms(1000)
    file.write("two")
    file.close()
    assert lines(tmp_path / "a" / "log") == ["h", "two"]
    assert lines(tmp_path / ("b/log" if gone == "a" else "b")) == ["h", "one"]


def test_a_file_that_cannot_be_begun_anew_is_tried_again_with_each_line(tmp_path: Path, clock: Any) -> None:
    file = LineFile(tmp_path / "a" / "log", max_bytes=1000, keep=1, clock=clock)
    (tmp_path / "a").rename(tmp_path / "b")
    (tmp_path / "a").touch()  # a file where the folder was
    clock.pass_ms(1000)
    for _ in range(2):
        with pytest.raises(NotADirectoryError):
            file.write("one")
    (tmp_path / "a").unlink()
    file.write("two")
    file.close()
    assert lines(tmp_path / "a" / "log") == ["two"]


def test_a_disk_that_is_full_at_the_start_is_got_over() -> None:
    sink = CsvSink(Path("/dev/full"), max_bytes=1000, keep=1)
    sink.result(make_result())
    (told,) = sink.faults
    assert "/dev/full: cannot be written (No space left on device), rows are lost" in told.message


def test_without_older_files_it_is_begun_anew(tmp_path: Path) -> None:
    file = LineFile(tmp_path / "log", max_bytes=10, keep=0)
    for number in range(5):
        file.write(f"line {number}")
    file.close()
    assert [path.name for path in tmp_path.iterdir()] == ["log"]
    assert lines(tmp_path / "log") == ["line 4"]


def test_a_line_longer_than_a_file_stands_alone(tmp_path: Path) -> None:
    file = LineFile(tmp_path / "log", max_bytes=10, keep=3)
    for text in ("a", "b" * 50, "c"):
        file.write(text)
    file.close()
    assert [lines(tmp_path / name) for name in ("log.2", "log.1", "log")] == [["a"], ["b" * 50], ["c"]]


def test_a_place_that_cannot_be_written_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "log", tmp_path):
        with pytest.raises(UsageError, match="expected a file that can be written"):
            LineFile(path, max_bytes=10, keep=1)


def test_a_row_of_csv_for_each_result_and_a_header_for_each_file(tmp_path: Path) -> None:
    sink = CsvSink(tmp_path / "a.csv", max_bytes=10_000, keep=1)
    odd = Path(os.fsdecode(b"\xff.jpg"))
    for result in (make_result(0, label='re"d, "big"'), make_result(1, path=odd)):
        sink.result(result)
    sink.close(SUMMARY)
    with (tmp_path / "a.csv").open(newline="", errors="surrogateescape") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert (rows[0]["label"], rows[0]["seen"], rows[0]["confidence"]) == (
        're"d, "big"',
        're"d, "big"',
        "0.750000",
    )
    assert rows[1]["path"] == str(odd)
    assert (rows[1]["invoke_ms"], rows[1]["drops"]) == ("3.000", "2")


class Filling:
    """A disk that is full while it is told to be."""

    def __init__(self) -> None:
        self.full = True
        self.lines: list[str] = []

    def write(self, line: str) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        self.lines.append(line)

    def close(self) -> None:
        pass


def test_a_full_disk_loses_lines_is_told_once_and_again_when_it_works() -> None:
    disk: Any = Filling()
    sink = JsonFileSink(disk, "log")
    for _ in range(3):
        sink.result(make_result())
    disk.full = False
    sink.result(make_result(7))
    assert [json.loads(line)["frame"] for line in disk.lines] == [7]
    full, back = sink.faults
    assert (
        full.message
        == "log: cannot be written (No space left on device), lines are lost; going on, and trying again"
    )
    assert back.recovered_s is not None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_device_that_is_full_tears_no_line() -> None:
    file = LineFile(Path("/dev/full"), max_bytes=1000, keep=0)
    with pytest.raises(OSError, match="No space left"):
        file.write("x")


def test_trouble_is_told_when_it_begins_and_when_it_ends(clock: Any) -> None:
    from collections import deque

    faults: Any = deque()
    trouble = Trouble("broker", faults, clock=clock)
    trouble.worked()
    trouble.failed("down")
    clock.pass_ms(1500)
    trouble.failed("still down")
    assert trouble.there
    trouble.worked()
    trouble.worked()
    assert [fault.message for fault in faults] == [
        "broker: down; going on, and trying again",
        "broker: back after 1.5 s",
    ]
    assert faults[1].recovered_s == 1.5
