"""Auto engine: the fastest of what gives the golden answers, timed once for a bundle and a machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.bundle import GOLDEN, Bundle
from edgecls.errors import DeviceError, ModelError, UsageError
from edgecls.files import sha256_file
from edgecls.machine import Machine
from edgecls.manifest_file import write_manifest
from edgecls.runtime import engine_timing
from edgecls.runtime.auto_engine import choose_engine
from edgecls.runtime.engine_choice import Timed
from edgecls.runtime.engine_timing import fastest

MakeBundle = Callable[..., Bundle]


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_timing, "LOOK_S", 0.01)


def timed(file: str, ms: float, *, threads: int = 1) -> Timed:
    _, precision, format = file.split(".")
    return Timed(file, format, precision, "an engine", threads, ms)


def test_the_fastest_wins_whatever_its_format_or_precision() -> None:
    slow, quick = timed("m.int8.tflite", 9.0), timed("m.float32.onnx", 3.0)
    assert fastest([slow, quick]) == quick


def test_of_equals_int8_wins_and_then_fewer_threads() -> None:
    rows = [
        timed("m.float32.tflite", 5.0),
        timed("m.int8.tflite", 5.05, threads=4),
        timed("m.int8.tflite", 5.1),
    ]
    assert fastest(rows) == rows[2]
    assert fastest([*rows, timed("m.float32.tflite", 4.0)]).invoke_ms == 4.0


def test_every_way_is_timed_and_the_choice_is_one_of_them(
    make_bundle: MakeBundle, machine: Machine, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    bundle = make_bundle(formats=("tflite", "onnx"))
    choice = choose_engine(bundle, replace(machine, cores=2), cache=tmp_path)
    ways = {(one.format, one.precision, one.threads) for one in choice.timed}
    assert ways == {
        (format, precision, threads)
        for format in ("tflite", "onnx") for precision in ("float32", "int8") for threads in (1, 2)
    }  # fmt: skip
    assert choice.chosen in choice.timed
    assert all(one.invoke_ms > 0 for one in choice.timed)


def test_the_second_time_nothing_is_timed_until_bundle_machine_or_wish_change(
    make_bundle: MakeBundle, machine: Machine, tmp_path: Path
) -> None:
    bundle, cache = make_bundle(), tmp_path / "cache"
    heard: list[int] = []
    first = choose_engine(bundle, machine, cache=cache, announce=heard.append)
    assert choose_engine(bundle, machine, cache=cache, announce=heard.append) == first
    assert heard == [2]
    choose_engine(bundle, replace(machine, model="another"), cache=cache, announce=heard.append)
    choose_engine(bundle, machine, precision="float32", cache=cache, announce=heard.append)
    write_manifest(bundle.folder, replace(bundle.manifest, created="later"))
    choose_engine(Bundle.open(bundle.folder), machine, cache=cache, announce=heard.append)
    assert heard == [2, 2, 1, 2]


def test_a_damaged_or_unwritable_cache_only_costs_time(
    make_bundle: MakeBundle, machine: Machine, tmp_path: Path
) -> None:
    bundle, cache = make_bundle(), tmp_path / "cache"
    choose_engine(bundle, machine, cache=cache)
    (kept,) = cache.iterdir()
    kept.write_text("{")
    assert choose_engine(bundle, machine, cache=cache).timed
    (tmp_path / "file").touch()
    assert choose_engine(bundle, machine, cache=tmp_path / "file" / "below").timed


def spoil_golden(bundle: Bundle, *files: str) -> Bundle:
    """The bundle with other answers stored for these files."""
    golden = bundle.golden()
    answers = {
        file: np.roll(found, 1, axis=1) if file in files else found
        for file, found in golden.probabilities.items()
    }
    np.savez(bundle.folder / GOLDEN, pixels=golden.pixels, **answers)  # type: ignore[arg-type]
    digest = sha256_file(bundle.folder / GOLDEN)
    write_manifest(bundle.folder, replace(bundle.manifest, golden_sha256=digest))
    return Bundle.open(bundle.folder)


def test_what_does_not_give_the_golden_answers_is_left_out(
    make_bundle: MakeBundle, machine: Machine, tmp_path: Path
) -> None:
    bundle = spoil_golden(make_bundle(), "model.int8.tflite")
    choice = choose_engine(bundle, machine, cache=tmp_path)
    assert {one.precision for one in choice.timed} == {"float32"}
    assert "stored best class" in choice.left_out[0]
    with pytest.raises(DeviceError, match="nothing of it works here"):
        choose_engine(bundle, machine, precision="int8", cache=tmp_path)


def test_a_changed_file_ends_everything_and_is_no_reason_to_take_another(
    make_bundle: MakeBundle, machine: Machine, tmp_path: Path
) -> None:
    bundle = make_bundle()
    with (bundle.folder / "model.int8.tflite").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelError, match="expected sha256"):
        choose_engine(bundle, machine, cache=tmp_path)


@pytest.mark.parametrize(
    "asked", [{"precision": "int4"}, {"format": "onnx"}, {"engine": "warp"}, {"threads": 0}]
)
def test_what_fits_nothing_is_wrong_use(
    make_bundle: MakeBundle, machine: Machine, tmp_path: Path, asked: dict[str, Any]
) -> None:
    with pytest.raises(UsageError):
        choose_engine(make_bundle(), machine, cache=tmp_path, **asked)
