"""The measuring process, with a real TFLite model of three colours."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecls.bundle import Bundle
from edgecls.errors import DeviceError, EdgeclsError
from edgecls.machine import Machine
from edgecls.runtime.benchmark import measure_in_child, run_benchmark
from edgecls.runtime.benchmark_plan import plan_benchmark
from edgecls.runtime.benchmark_worker import WorkOrder, measure, peak_memory_mb

TICK_MS = 2.0


def ticking() -> Iterator[int]:
    """A clock that goes on by TICK_MS each time it is read."""
    now = 0
    while True:
        yield now
        now += int(TICK_MS * 1e6)


@pytest.fixture
def order(real_bundle: Bundle) -> WorkOrder:
    manifest = real_bundle.manifest
    return WorkOrder(
        model=str(real_bundle.folder / "model.float32.tflite"),
        engine="litert",
        threads=1,
        arithmetic="native",
        labels=manifest.labels,
        preprocess=manifest.preprocess,
        temperature=1.0,
        thresholds=(0.0, 0.0, 0.0),
        photos=tuple(str(real_bundle.folder / photo.file) for photo in manifest.evaluation),
        passes=2,
    )


def test_each_time_lies_between_its_two_readings_of_the_clock(order: WorkOrder) -> None:
    readings = ticking()
    report = measure(order, clock=lambda: next(readings))
    assert report.load_ms == report.first_ms == TICK_MS
    assert set(report.invoke_ms) == {TICK_MS}
    assert set(report.frame_ms) == {3 * TICK_MS}  # preprocess, invoke, decide


def test_every_pass_is_timed_and_the_first_is_judged(order: WorkOrder) -> None:
    report = measure(order)
    assert len(report.invoke_ms) == len(report.frame_ms) == 18
    assert report.answers == (0, 0, 0, 1, 1, 1, 2, 2, 2)


def test_a_process_of_its_own_gives_the_same_answers(order: WorkOrder) -> None:
    report = measure_in_child(order)
    assert report.answers == (0, 0, 0, 1, 1, 1, 2, 2, 2)
    assert report.runs_on.startswith("litert ")
    assert min(report.invoke_ms) > 0
    assert 0 < report.base_memory_mb < report.peak_memory_mb


def test_memory_is_the_measuring_process_alone(order: WorkOrder) -> None:
    ballast = np.ones(600_000_000, np.uint8)
    report = measure_in_child(order)
    assert peak_memory_mb() > 600
    assert report.peak_memory_mb < 500
    assert ballast[0] == 1


def test_files_in_the_current_folder_do_not_get_in_its_way(
    order: WorkOrder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numpy.py").write_text("raise RuntimeError('not this one')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path not in ("", os.curdir)])
    assert len(measure_in_child(order).answers) == 9


def test_an_error_comes_back_as_its_own_sentence(order: WorkOrder, tmp_path: Path) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"no model")
    with pytest.raises(EdgeclsError, match="not a TFLite model this engine can load"):
        measure_in_child(replace(order, model=str(broken)))


@pytest.mark.parametrize(
    ("last_act", "sentence"),
    [
        ("kill -9 $$", "usually too little memory"),
        ("kill -4 $$", "killed by signal 4"),
        ("exit 7", "exit code 7"),
    ],
)
def test_a_process_that_dies_is_one_sentence(
    order: WorkOrder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last_act: str, sentence: str
) -> None:
    program = tmp_path / "dying"
    program.write_text(f"#!/bin/sh\ncat > /dev/null\n{last_act}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(DeviceError, match=sentence):
        measure_in_child(order)


def test_a_whole_benchmark_of_a_real_bundle_is_right_about_every_photo(
    real_bundle: Bundle, machine: Machine
) -> None:
    plan = plan_benchmark(real_bundle, machine, engine="litert", threads=[1, 2])
    result = run_benchmark(real_bundle, machine, plan)
    assert [(row.threads, row.top1.value) for row in result.rows] == [(1, 1.0), (2, 1.0)]
    assert all(row.frame_ms.p50 >= row.invoke_ms.p50 > 0 for row in result.rows)
