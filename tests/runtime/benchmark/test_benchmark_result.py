"""bench.json: strict, and whole again after it was read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgecls.devices.health import Health
from edgecls.errors import ModelError
from edgecls.machine import Machine
from edgecls.metrics import wilson
from edgecls.runtime.benchmark_explain import explain_int8
from edgecls.runtime.benchmark_result import BenchResult, BenchRow, Skipped, fastest, read_bench, write_bench
from edgecls.runtime.timing import percentiles


def row(
    file: str, *, invoke: float, threads: int = 1, arithmetic: str = "native", engine: str = "litert"
) -> BenchRow:
    precision, format = file.removeprefix("model.").rsplit(".", 1)
    return BenchRow(
        file=file,
        sha256=f"digest of {file}",
        format=format,
        precision=precision,
        engine=engine,
        runs_on=f"{engine} 1.0",
        arithmetic=arithmetic,
        threads=threads,
        size_bytes=1000,
        load_ms=3.0,
        first_ms=2 * invoke,
        invoke_ms=percentiles([invoke]),
        frame_ms=percentiles([invoke + 1]),
        top1=wilson(7, 9),
        base_memory_mb=50.0,
        peak_memory_mb=90.0,
        invoke_samples_ms=(invoke,),
        frame_samples_ms=(invoke + 1,),
    )


@pytest.fixture
def result(machine: Machine) -> Callable[..., BenchResult]:
    def make(*rows: BenchRow, int8_dot: str = "saturating") -> BenchResult:
        here = Machine(
            "Böard 5", "CPU", "x86_64", 4, memory_mb=1, system="L", python="3.11", int8_dot=int8_dot
        )
        return BenchResult(
            schema=1,
            bundle="colours-001",
            created="2026-11-22T09:31:05.000000+00:00",
            machine=here,
            versions={"edgecls": "0.1.0"},
            photos=9,
            method="9 photos",
            rows=rows,
            skipped=(Skipped("onnxruntime", "not installed"),),
            before=Health(None, 2400.0, None, None),
            after=Health(55.0, None, True, "ondemand"),
        )

    return make


Make = Callable[..., BenchResult]


def test_what_was_written_is_read_again(result: Make, tmp_path: Path) -> None:
    written = result(row("model.float32.tflite", invoke=7), row("model.int8.tflite", invoke=8.25))
    write_bench(tmp_path / "bench.json", written)
    assert read_bench(tmp_path / "bench.json") == written


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"schema": 2}, "expected schema 1, found 2; upgrade edgecls here"),
        ({"schema": 0}, "expected schema 1, found 0; measure again"),
        ({"schema": None}, "expected the JSON that 'edgecls bench' writes"),
        ({"colour": "blue"}, "unknown key colour"),
        ({"photos": "nine"}, "expected int, found 'nine'"),
    ],
)
def test_a_file_that_is_not_as_expected_is_one_sentence(
    result: Make, tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    path = tmp_path / "bench.json"
    write_bench(path, result(row("model.int8.tflite", invoke=8)))
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ModelError, match=sentence):
        read_bench(path)


@pytest.mark.parametrize("text", ["[]", "{}", '{"schema": 1}', "no json", ""])
def test_another_file_is_told_from_a_benchmark(tmp_path: Path, text: str) -> None:
    (tmp_path / "bench.json").write_text(text)
    with pytest.raises(ModelError, match="expected"):
        read_bench(tmp_path / "bench.json")


def test_the_fastest_row_of_each_file_is_found() -> None:
    rows = (
        row("model.int8.tflite", invoke=9, threads=1),
        row("model.int8.tflite", invoke=5, threads=2),
        row("model.int8.tflite", invoke=7, threads=4),
        row("model.int8.onnx", invoke=8, threads=1),
    )
    assert [(r.file, r.threads) for r in fastest(rows).values()] == [
        ("model.int8.tflite", 2),
        ("model.int8.onnx", 1),
    ]


def test_slower_int8_is_explained_with_figures_and_machine(result: Make) -> None:
    [sentence] = explain_int8(
        result(
            row("model.float32.tflite", invoke=12.0, threads=1),
            row("model.float32.tflite", invoke=6.9, threads=2),
            row("model.int8.tflite", invoke=7.7, threads=2),
        )
    )
    assert "Böard 5" in sentence
    assert "7.7 ms with 2 threads against 6.9 ms with 2 threads" in sentence
    assert "x86 without VNNI" in sentence


@pytest.mark.parametrize(
    ("int8_dot", "arithmetic", "reason"),
    [
        ("saturating", "exact", "exact arithmetic"),
        ("saturating", "native", "x86 without VNNI"),
        ("neon", "native", "dotprod came with Armv8.2"),
        ("dotprod", "native", "PReLU"),
        ("vnni", "native", "PReLU"),
    ],
)
def test_the_reason_fits_the_machine(result: Make, int8_dot: str, arithmetic: str, reason: str) -> None:
    rows = (row("model.float32.onnx", invoke=5), row("model.int8.onnx", invoke=9, arithmetic=arithmetic))
    [sentence] = explain_int8(result(*rows, int8_dot=int8_dot))
    assert reason in sentence


def test_faster_or_equal_int8_needs_no_explanation(result: Make) -> None:
    fast = (row("model.float32.tflite", invoke=5), row("model.int8.tflite", invoke=5.1))
    assert explain_int8(result(*fast)) == []


def test_int8_is_compared_on_its_own_engine_and_format_only(result: Make) -> None:
    mixed = (
        row("model.float32.tflite", invoke=5),
        row("model.int8.onnx", invoke=9, engine="onnxruntime"),
        row("model.int8.tflite", invoke=9, engine="tflite-runtime"),
    )
    assert explain_int8(result(*mixed)) == []
