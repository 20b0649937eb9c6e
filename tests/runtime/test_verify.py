"""Verify: a bundle that was changed, or that this machine answers differently, does not pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecls.bundle import GOLDEN, Bundle
from edgecls.errors import MissingDependencyError, ModelError
from edgecls.files import read_json, sha256_file, write_json
from edgecls.machine import Machine
from edgecls.manifest_file import write_manifest
from edgecls.runtime import verify
from edgecls.runtime.engine import open_engine
from edgecls.runtime.verify import Outcome, compare, verify_bundle

Make = Callable[..., Bundle]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def change_golden(bundle: Bundle, file: str, change: Callable[[np.ndarray], np.ndarray]) -> Bundle:
    """Store other answers, with a digest that fits, as if another machine had given them."""
    golden = bundle.golden()
    answers = {**golden.probabilities, file: change(golden.probabilities[file])}
    np.savez(bundle.folder / GOLDEN, **{"pixels": golden.pixels, **answers})  # type: ignore[arg-type]
    manifest = replace(bundle.manifest, golden_sha256=sha256_file(bundle.folder / GOLDEN))
    write_manifest(bundle.folder, manifest)
    return Bundle.open(bundle.folder)


def test_a_fresh_bundle_passes(make_bundle: Make, machine: Machine) -> None:
    found = verify_bundle(make_bundle(), machine)
    assert found.passed
    assert [check.outcome for check in found.variants] == [Outcome.PASSED, Outcome.PASSED]
    assert all(check.replay and check.replay.largest_difference <= 1e-3 for check in found.variants)
    assert found.files_checked == 2 + 1 + 3


def test_a_fresh_bundle_with_onnx_passes_natively_and_exactly(make_bundle: Make, machine: Machine) -> None:
    pytest.importorskip("onnxruntime")
    bundle = make_bundle(formats=("onnx",))
    for int8_dot, arithmetic in (("vnni", "native"), ("saturating", "exact")):
        found = verify_bundle(bundle, replace(machine, int8_dot=int8_dot))
        assert found.passed
        assert [check.replay.arithmetic for check in found.variants if check.replay] == ["native", arithmetic]


def test_a_changed_byte_of_a_model_fails_that_variant_only(make_bundle: Make, machine: Machine) -> None:
    bundle = make_bundle()
    flip(bundle.folder / "model.int8.tflite")
    found = verify_bundle(bundle, machine)
    assert not found.passed
    assert [check.outcome for check in found.variants] == [Outcome.PASSED, Outcome.FAILED]
    assert "expected sha256" in found.variants[1].reason


@pytest.mark.parametrize("name", [GOLDEN, "evaluation/red.png"])
def test_a_changed_byte_of_another_file_fails_the_bundle(
    make_bundle: Make, machine: Machine, name: str
) -> None:
    bundle = make_bundle()
    flip(bundle.folder / name)
    found = verify_bundle(bundle, machine)
    assert not found.passed
    (fault,) = found.faults
    assert name in fault


def test_a_missing_photo_fails_the_bundle(make_bundle: Make, machine: Machine) -> None:
    bundle = make_bundle()
    (bundle.folder / "evaluation" / "red.png").unlink()
    assert "is missing" in verify_bundle(bundle, machine).faults[0]


def test_other_probabilities_fail_a_float_variant_sooner_than_an_int8_one(
    make_bundle: Make, machine: Machine
) -> None:
    bundle = make_bundle()
    for variant in bundle.manifest.variants:
        bundle = change_golden(bundle, variant.file, lambda answers: answers + np.float32(0.01))
    found = verify_bundle(bundle, machine)
    assert [check.outcome for check in found.variants] == [Outcome.FAILED, Outcome.PASSED]
    assert "within 0.001" in found.variants[0].reason


def test_another_best_class_on_a_decided_photo_fails_an_int8_variant(
    make_bundle: Make, machine: Machine
) -> None:
    bundle = change_golden(make_bundle(), "model.int8.tflite", lambda answers: answers[:, ::-1])
    found = verify_bundle(bundle, machine)
    assert found.variants[1].outcome is Outcome.FAILED
    assert "best class" in found.variants[1].reason


def test_answers_that_are_no_numbers_fail(make_bundle: Make, machine: Machine) -> None:
    bundle = change_golden(make_bundle(), "model.int8.tflite", lambda answers: answers * np.float32("nan"))
    assert verify_bundle(bundle, machine).variants[1].outcome is Outcome.FAILED


def test_stored_answers_of_another_shape_fail(make_bundle: Make, machine: Machine) -> None:
    bundle = change_golden(make_bundle(), "model.int8.tflite", lambda answers: answers[:3])
    assert "stored answers of shape" in verify_bundle(bundle, machine).variants[1].reason


def test_a_near_tie_may_fall_either_way() -> None:
    stored = np.array([[0.50, 0.49, 0.01], [0.8, 0.1, 0.1]], np.float32)
    here = np.array([[0.49, 0.50, 0.01], [0.8, 0.1, 0.1]], np.float32)
    replay = compare(stored, here, engine="x", arithmetic="native")
    assert (replay.agreement, replay.decided, replay.lost) == (0.5, 1, 0)


def test_an_absent_engine_is_skipped_and_nothing_verified_is_an_error(
    make_bundle: Make, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = make_bundle()
    real = open_engine

    def without_int8(path: Path, **options: object) -> object:
        if "int8" in path.name:
            raise MissingDependencyError("this step needs the package 'onnxruntime', which is not installed")
        return real(path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(verify, "open_engine", without_int8)
    found = verify_bundle(bundle, machine)
    assert found.passed
    assert [check.outcome for check in found.variants] == [Outcome.PASSED, Outcome.SKIPPED]
    assert "onnxruntime" in found.variants[1].reason

    alone = replace(bundle.manifest, variants=bundle.manifest.variants[1:])
    with pytest.raises(ModelError, match=r"nothing could be verified.*onnxruntime"):
        verify_bundle(Bundle(bundle.folder, alone), machine)


def test_a_manifest_of_a_newer_schema_is_an_error(make_bundle: Make) -> None:
    folder = make_bundle().folder
    record = read_json(folder / "manifest.json")
    write_json(folder / "manifest.json", {**record, "schema": 99})
    with pytest.raises(ModelError, match=r"expected schema \d+, found 99; upgrade edgecls"):
        Bundle.open(folder)


def test_labels_in_another_order_than_inside_the_files_fail(make_bundle: Make, machine: Machine) -> None:
    bundle = make_bundle()
    write_manifest(bundle.folder, replace(bundle.manifest, labels=bundle.manifest.labels[::-1]))
    found = verify_bundle(Bundle.open(bundle.folder), machine)
    assert not found.passed
    assert [check.outcome for check in found.variants] == [Outcome.FAILED, Outcome.FAILED]
    assert "the labels or the Preprocess inside the file are not those of manifest.json" in (
        found.variants[0].reason
    )
