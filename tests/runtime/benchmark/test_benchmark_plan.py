"""What a benchmark decides to measure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from edgecls.bundle import Bundle
from edgecls.errors import DeviceError, ModelError, UsageError
from edgecls.machine import Machine
from edgecls.runtime import benchmark_plan
from edgecls.runtime.benchmark_plan import MIN_SAMPLES, in_turn, plan_benchmark

MakeBundle = Callable[..., Bundle]


def install(monkeypatch: pytest.MonkeyPatch, *engines: str) -> None:
    """Make these engines, and no others, look installed."""
    monkeypatch.setattr(benchmark_plan, "is_installed", lambda engine: engine in engines)


@pytest.fixture(autouse=True)
def _usual_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "litert", "onnxruntime")


def test_any_first_photos_hold_every_class_alike(make_bundle: MakeBundle) -> None:
    photos = make_bundle("model.int8.tflite").manifest.evaluation
    assert [photo.label for photo in photos] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert [photo.label for photo in in_turn(photos)] == [0, 1, 2, 0, 1, 2, 0, 1, 2]


def test_a_number_of_photos_takes_so_many_with_the_classes_in_turn(
    make_bundle: MakeBundle, machine: Machine
) -> None:
    plan = plan_benchmark(make_bundle("model.int8.tflite"), machine, photos=6)
    labels = [photo.label for photos in plan.rounds for photo in photos]
    assert sorted(labels) == [0, 0, 1, 1, 2, 2]


def test_every_photo_stands_in_exactly_one_round(make_bundle: MakeBundle, machine: Machine) -> None:
    bundle = make_bundle("model.int8.tflite", photos=7)
    plan = plan_benchmark(bundle, machine)
    dealt = [photo.file for photos in plan.rounds for photo in photos]
    assert len(plan.rounds) == 3
    assert sorted(dealt) == [photo.file for photo in bundle.manifest.evaluation]


def test_a_single_photo_makes_a_single_round(make_bundle: MakeBundle, machine: Machine) -> None:
    assert len(plan_benchmark(make_bundle("model.int8.tflite"), machine, photos=1).rounds) == 1


def test_few_photos_are_shown_again_until_there_are_samples_enough(
    make_bundle: MakeBundle, machine: Machine
) -> None:
    plan = plan_benchmark(make_bundle("model.int8.tflite", photos=9), machine)
    assert plan.passes * 9 >= MIN_SAMPLES
    assert (plan.passes - 1) * 9 < MIN_SAMPLES


@pytest.mark.parametrize(
    ("cores", "expected"), [(1, [1]), (2, [1, 2]), (4, [1, 2, 4]), (16, [1, 2, 4]), (0, [1])]
)
def test_threads_go_up_to_the_cores(
    make_bundle: MakeBundle, machine: Machine, cores: int, expected: list[int]
) -> None:
    small = dataclasses.replace(machine, cores=cores)
    plan = plan_benchmark(make_bundle("model.int8.tflite"), small)
    assert [configuration.threads for configuration in plan.configurations] == expected


def test_threads_asked_for_are_taken_as_they_are(make_bundle: MakeBundle, machine: Machine) -> None:
    plan = plan_benchmark(make_bundle("model.int8.tflite"), machine, threads=[3])
    assert [configuration.threads for configuration in plan.configurations] == [3]


def test_each_file_meets_only_engines_of_its_format(make_bundle: MakeBundle, machine: Machine) -> None:
    plan = plan_benchmark(make_bundle("model.int8.tflite", "model.float32.onnx"), machine, threads=[1])
    pairs = [(c.variant.file, c.engine) for c in plan.configurations]
    assert pairs == [("model.int8.tflite", "litert"), ("model.float32.onnx", "onnxruntime")]


def test_full_range_int8_onnx_runs_exactly_where_sums_saturate(
    make_bundle: MakeBundle, machine: Machine
) -> None:
    bundle = make_bundle("model.int8.onnx", "model.int8-avx2.onnx")
    plan = plan_benchmark(bundle, machine, threads=[1])
    assert [c.arithmetic for c in plan.configurations] == ["exact", "native"]
    vnni = plan_benchmark(bundle, dataclasses.replace(machine, int8_dot="vnni"), threads=[1])
    assert [c.arithmetic for c in vnni.configurations] == ["native", "native"]


def test_an_engine_that_is_not_installed_is_skipped_with_the_way_to_get_it(
    make_bundle: MakeBundle, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, "litert")
    plan = plan_benchmark(make_bundle("model.int8.tflite", "model.int8.onnx"), machine)
    assert {c.engine for c in plan.configurations} == {"litert"}
    reasons = {skip.what: skip.reason for skip in plan.skipped}
    assert "pip install 'edgecls[onnx]'" in reasons["onnxruntime (.onnx files)"]


def test_an_absent_engine_that_fits_no_file_is_not_mentioned(
    make_bundle: MakeBundle, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, "litert", "tflite-runtime")
    assert plan_benchmark(make_bundle("model.int8.tflite"), machine).skipped == ()


def test_an_engine_asked_for_that_is_absent_is_an_error(make_bundle: MakeBundle, machine: Machine) -> None:
    with pytest.raises(DeviceError, match="'tflite-runtime' is not installed; install it with: pip install"):
        plan_benchmark(make_bundle("model.int8.tflite"), machine, engine="tflite-runtime")


def test_an_onnx_bundle_without_onnxruntime_says_what_to_install(
    make_bundle: MakeBundle, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, "litert")
    with pytest.raises(DeviceError, match=r"no variant can run here; .*edgecls\[onnx\]"):
        plan_benchmark(make_bundle("model.int8.onnx"), machine)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            {"engine": "tensorrt"},
            "expected an engine of litert, tflite-runtime, onnxruntime, found 'tensorrt'",
        ),
        ({"engine": "onnxruntime"}, "'onnxruntime' runs .onnx files, found model.int8.tflite"),
        ({"threads": [1, 0]}, "threads must be at least 1, found 0"),
        ({"photos": 0}, "photos must be at least 1, found 0"),
    ],
)
def test_wrong_use_is_one_sentence(
    make_bundle: MakeBundle, machine: Machine, wrong: dict[str, object], sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        plan_benchmark(make_bundle("model.int8.tflite"), machine, **wrong)  # type: ignore[arg-type]


def test_no_latency_is_given_without_photos_to_judge_by(make_bundle: MakeBundle, machine: Machine) -> None:
    with pytest.raises(ModelError, match="no latency is given without the accuracy"):
        plan_benchmark(make_bundle("model.int8.tflite", photos=0), machine)
