"""Markdown of a benchmark, and the words that all reports use for figures."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from edgecls.machine import Machine
from edgecls.metrics import Proportion
from edgecls.reporting.markdown import bench_markdown, escaped
from edgecls.reporting.wording import interval, machine_line, megabytes, milliseconds, percent, points
from edgecls.runtime.benchmark_result import BenchResult


def cells(line: str) -> list[str]:
    """The cells of a line of a Markdown table."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_every_row_has_as_many_cells_as_the_heading(bench: BenchResult) -> None:
    lines = [line for line in bench_markdown(bench).splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(bench.rows)
    assert {len(cells(line)) for line in lines} == {11}


def test_no_latency_stands_without_accuracy_and_machine(bench: BenchResult) -> None:
    text = bench_markdown(bench)
    assert "AMD EPYC 7B13" in text.splitlines()[2]
    for line in text.splitlines()[6:18]:
        assert re.fullmatch(r"\d+\.\d %", cells(line)[3])
        assert re.fullmatch(r"\d+\.\d–\d+\.\d", cells(line)[4])


def test_slow_int8_and_skipped_engines_are_told(bench: BenchResult) -> None:
    text = bench_markdown(bench)
    assert "is slower than float32" in text
    assert "- tflite-runtime (.tflite files): engine 'tflite-runtime' is not installed" in text


def test_a_machine_whose_name_holds_markup_stays_text(
    bench: BenchResult, machine_named: Callable[[str], Machine]
) -> None:
    text = bench_markdown(replace(bench, machine=machine_named("a|b <i> *c*\nd")))
    assert r"a\|b \<i> \*c\* d" in text


def test_markdown_needs_no_package_that_a_device_lacks() -> None:
    blocked = "import sys; sys.modules.update(jinja2=None, matplotlib=None, tensorflow=None, keras=None);"
    wanted = "import edgecls.reporting.markdown, edgecls.reporting.bench_files"
    subprocess.run([sys.executable, "-c", blocked + wanted], check=True)


def test_line_breaks_cannot_break_a_table() -> None:
    assert escaped("a\nb\r\n c") == "a b c"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (percent(0.785), "78.5 %"),
        (interval(Proportion(0.785, 0.7521, 0.8149, 661)), "75.2–81.5"),
        (points(0.0112), "+1.1"),
        (points(-0.0083), "−0.8"),
        (points(-0.0001), "0.0"),
        (megabytes(3_935_000), "3.9 MB"),
        (megabytes(99_400), "99 kB"),
        (milliseconds(0.235), "0.23"),
        (milliseconds(7.345), "7.34"),
        (milliseconds(12.44), "12.4"),
        (milliseconds(1650.4), "1650"),
    ],
)
def test_figures_are_written_so(written: str, expected: str) -> None:
    assert written == expected


def test_a_board_is_named_with_its_processor(machine_named: Callable[[str], Machine]) -> None:
    line = machine_line(machine_named("Raspberry Pi 5"))
    assert line.startswith("Raspberry Pi 5, AMD EPYC 7B13, x86_64, 2 cores, 7.8 GiB, no int8 dot product")
    assert machine_line(machine_named("AMD EPYC 7B13")).count("AMD EPYC 7B13") == 1
