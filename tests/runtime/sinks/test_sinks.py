"""Sinks: JSON lines that any machine reads, and a terminal that no label can break."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.errors import EdgeclsError
from edgecls.prediction import Prediction
from edgecls.runtime.sinks.json_lines import JsonLinesSink
from edgecls.runtime.sinks.sink import Losses, Result, SinkClosed, StagesMs, Start, Summary
from edgecls.runtime.sinks.terminal import CLEAR_LINE, TerminalSink
from edgecls.runtime.sources.source import Fault, Frame
from edgecls.runtime.timing import Percentiles


def make_result(path: Path | None = None, label: str = "grün", index: int = 3) -> Result:
    frame = Frame(np.zeros((2, 2, 3), np.uint8), index, 123, path)
    found = Prediction(1, label, 0.75, False, ((label, 0.75), ("red", 0.25)))
    return Result(frame, 1_795_341_600_000_000_000, 9.5, found, StagesMs(1, 2, 3, 4), Losses(7))


SUMMARY = Summary(2, Losses(7), 1, 0, {}, 0.5, {"invoke": Percentiles(2, 1.0, 2.0, 3.0)})


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_lines_hold_the_documented_keys(start: Start) -> None:
    stream = io.StringIO()
    sink = JsonLinesSink(stream)
    sink.start(start)
    sink.result(make_result())
    sink.fault(Fault("bad", 4, Path("x.jpg")))
    sink.close(SUMMARY)
    first, result, error, summary = lines(stream)
    assert [line["type"] for line in (first, result, error, summary)] == [
        "start",
        "result",
        "error",
        "summary",
    ]
    assert {line["schema"] for line in lines(stream)} == {1}
    assert {"source", "engine", "arithmetic", "threads", "labels"} <= set(first)
    assert set(result) == {
        *("schema", "type", "frame", "time", "captured_ns", "age_ms", "label", "index", "confidence"),
        *("unknown", "top", "stages_ms", "drops", "stale"),
    }
    assert result["top"] == [{"label": "grün", "confidence": 0.75}, {"label": "red", "confidence": 0.25}]
    assert result["stages_ms"] == {"capture": 1, "preprocess": 2, "invoke": 3, "decide": 4}
    assert (error["message"], error["frame"], error["path"]) == ("bad", 4, "x.jpg")
    assert summary["stages_ms"]["invoke"] == {"n": 2, "p50": 1.0, "p90": 2.0, "p99": 3.0}
    assert (summary["frames"], summary["drops"], summary["results_per_s"]) == (2, 7, 4.0)


def test_a_file_name_that_is_no_text_still_makes_a_line() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    name = Path(os.fsdecode(b"\xff\n.jpg"))
    JsonLinesSink(stream).result(make_result(name))
    stream.seek(0)
    (line,) = stream.read().splitlines()
    assert json.loads(line)["path"] == str(name)


def test_a_closed_pipe_ends_the_run_without_a_complaint() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        sink = JsonLinesSink(stream)
        with pytest.raises(SinkClosed):
            sink.result(make_result())
        sink.close(SUMMARY)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_an_error_with_a_sentence() -> None:
    with Path("/dev/full").open("w") as stream, pytest.raises(EdgeclsError, match="cannot be written"):
        JsonLinesSink(stream).result(make_result())


def test_the_live_line_comes_ten_times_a_second_at_most(clock: Any) -> None:
    terminal = Terminal()
    sink = TerminalSink(terminal, clock=clock)
    for index in range(50):
        sink.result(make_result(index=index))
        clock.pass_ms(10)
    assert terminal.getvalue().count(CLEAR_LINE) == 5
    assert "\n" not in terminal.getvalue()


def test_a_log_gets_a_line_a_minute(clock: Any) -> None:
    log = io.StringIO()
    sink = TerminalSink(log, clock=clock)
    for index in range(1300):
        sink.result(make_result(index=index))
        clock.pass_ms(100)
    assert [line.split("  ")[0] for line in log.getvalue().splitlines()] == [
        "frame 0",
        "frame 600",
        "frame 1200",
    ]
    assert "10.0/s" in log.getvalue()


def test_a_label_cannot_move_the_cursor(clock: Any) -> None:
    terminal = Terminal()
    sink = TerminalSink(terminal, clock=clock)
    sink.result(make_result(label="evil\x1b[2J"))
    sink.fault(Fault("file \x1b[2J"))
    assert "\x1b[2J" not in terminal.getvalue()


def test_a_fatal_error_is_left_to_the_command_line(clock: Any) -> None:
    log = io.StringIO()
    sink = TerminalSink(log, clock=clock)
    sink.fault(Fault("the end", fatal=True))
    sink.fault(Fault("x.jpg: the file is empty"))
    assert log.getvalue().splitlines() == ["x.jpg: the file is empty"]
