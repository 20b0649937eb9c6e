"""A run becomes a bundle: whole, sound, from the right photos, and found again when nothing changed."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.bundle import Bundle
from edgecls.calibration.selection import choose_calibration
from edgecls.data import load_pixels
from edgecls.devices.detect import detect_machine
from edgecls.errors import DataError, ModelError, UsageError
from edgecls.export.export import ExportResult
from edgecls.export.options import ExportOptions
from edgecls.files import sha256_bytes
from edgecls.manifest_file import DOCUMENT
from edgecls.runs import MODEL
from edgecls.runtime.engine import open_engine
from edgecls.runtime.inspection import inspect_file
from edgecls.runtime.verify import verify_bundle

pytestmark = pytest.mark.xdist_group("export")

Export = Callable[..., ExportResult]


@pytest.fixture
def bundle(exported: ExportResult) -> Bundle:
    return exported.bundle


def test_the_bundle_holds_both_formats_in_float_and_int8_and_nothing_else(bundle: Bundle) -> None:
    keys = {variant.key for variant in bundle.manifest.variants}
    wanted = {"tflite float32", "tflite int8", "onnx float32", "onnx int8"}
    assert wanted <= keys <= wanted | {"onnx int8-avx2"}
    listed = {variant.file for variant in bundle.manifest.variants} | {
        DOCUMENT, "golden.npz", "evaluation",
    }  # fmt: skip
    assert {path.name for path in bundle.folder.iterdir()} == listed
    assert bundle.folder.name == bundle.name == "small-tints-001"


def test_the_bundle_is_sound_on_the_machine_that_made_it(bundle: Bundle) -> None:
    verification = verify_bundle(bundle, detect_machine())
    assert verification.passed
    assert all(check.replay and check.replay.agreement == 1.0 for check in verification.variants)
    assert all(
        check.replay.largest_difference < 1e-6 for check in verification.variants if check.replay is not None
    )


def test_golden_answers_are_of_test_photos_and_each_file_gives_them(bundle: Bundle, trained: Any) -> None:
    golden = bundle.golden()
    pixels = load_pixels(trained.dataset.test, trained.record.preprocess).pixels
    assert {p.tobytes() for p in golden.pixels} <= {p.tobytes() for p in pixels}
    assert set(golden.probabilities) == {variant.file for variant in bundle.manifest.variants}
    engine = open_engine(bundle.folder / "model.float32.tflite")
    assert np.allclose(engine.run(golden.pixels), golden.probabilities["model.float32.tflite"], atol=1e-6)
    assert all(len(answers) == len(golden.pixels) > 0 for answers in golden.probabilities.values())


def test_evaluation_photos_are_stratified_test_photos_with_their_original_bytes(
    bundle: Bundle, trained: Any
) -> None:
    held_out = {photo.digest: photo.label for photo in trained.dataset.test}
    photos = bundle.manifest.evaluation
    assert Counter(photo.label for photo in photos) == {0: 2, 1: 2, 2: 2}
    for photo in photos:
        data = (bundle.folder / photo.file).read_bytes()
        assert held_out[sha256_bytes(data)] == photo.label
        assert photo.sha256 == sha256_bytes(data)
    assert photos[0].file.startswith("evaluation/")
    assert {Path(photo.file).parent.name for photo in photos} == {"000_blue", "001_green", "002_red_s"}


def test_the_calibration_photos_are_training_photos_and_recorded_by_digest(
    bundle: Bundle, trained: Any
) -> None:
    dataset = trained.dataset
    calibration = bundle.manifest.calibration
    assert calibration is not None
    drawn = choose_calibration(dataset.train, trained.record.preprocess, dataset.labels.names, count=20)
    assert (calibration.photos, calibration.split, calibration.digest) == (20, "train", drawn.digest)
    assert {p.digest for p in drawn.photos} <= {p.digest for p in dataset.train}
    assert not {p.digest for p in drawn.photos} & {p.digest for p in (*dataset.validation, *dataset.test)}
    assert "per-channel" in calibration.method


def test_both_float_files_compute_what_keras_computes(bundle: Bundle, trained: Any) -> None:
    import keras

    pixels = load_pixels(trained.dataset.test, trained.record.preprocess).pixels
    model = keras.models.load_model(trained.folder / MODEL, compile=False)
    expected = np.asarray(model.predict(pixels.astype(np.float32), verbose=0))
    for format in ("tflite", "onnx"):
        answers = open_engine(bundle.folder / f"model.float32.{format}").run(pixels)
        assert np.abs(answers - expected).max() < 1e-4, format


def test_int8_tflite_takes_the_pixels_themselves_and_gives_float32(bundle: Bundle) -> None:
    seen = inspect_file(bundle.folder / "model.int8.tflite")
    assert seen.input_formula.startswith("uint8 = pixel")
    assert seen.output.dtype == "float32"
    assert seen.operators is not None
    assert seen.operators.counts["CONV_2D"] == 2
    assert seen.operators.in_float == {"FULLY_CONNECTED": 1, "SOFTMAX": 1}


@pytest.mark.parametrize("file", ["model.float32.tflite", "model.int8.tflite", "model.int8.onnx"])
def test_a_single_file_carries_its_labels_and_preprocess(bundle: Bundle, trained: Any, file: str) -> None:
    card = inspect_file(bundle.folder / file).card
    assert card.labels == ("blue", "green", "red sö")
    assert card.preprocess == trained.record.preprocess
    assert (card.network, card.precision) == ("small", file.split(".")[1])


def test_figures_name_their_photos_and_the_origin_is_told(bundle: Bundle, trained: Any) -> None:
    m = bundle.manifest
    assert all(variant.test.photos == f"{len(trained.dataset.test)} test photos" for variant in m.variants)
    assert all("validation" in variant.gate.photos for variant in m.variants)
    assert all(variant.test.top1.n == len(trained.dataset.test) for variant in m.variants)
    assert (m.origin.run, m.origin.model_sha256) == (trained.record.name, trained.record.model_sha256)
    assert {"edgecls", "keras", "onnxruntime"} <= set(m.versions)


def test_the_same_export_again_is_found_and_writes_nothing(export_quickly: Export) -> None:
    first = export_quickly()
    second = export_quickly()
    assert (first.unchanged, second.unchanged) == (False, True)
    assert second.bundle == first.bundle
    assert [path.name for path in first.bundle.folder.parent.iterdir()] == ["small-tints-001"]


def test_another_option_makes_another_bundle(export_quickly: Export, options: ExportOptions) -> None:
    export_quickly()
    other = export_quickly(replace(options, calibration_photos=15, formats=("tflite",)))
    assert (other.unchanged, other.bundle.name) == (False, "small-tints-002")
    assert {variant.format for variant in other.bundle.manifest.variants} == {"tflite"}


def test_what_a_killed_export_left_is_never_taken_for_the_bundle(
    export_quickly: Export, exported: ExportResult, tmp_path: Path
) -> None:
    shutil.copytree(exported.bundle.folder, tmp_path / "bundles" / ".small-tints-001.99999999.partial")
    result = export_quickly()
    assert not result.unchanged
    assert [path.name for path in (tmp_path / "bundles").iterdir()] == ["small-tints-001"]


def test_a_name_that_is_taken_is_wrong_use_and_force_replaces_it(
    export_quickly: Export, options: ExportOptions
) -> None:
    quick = replace(options, formats=("tflite",))
    export_quickly(quick, name="mine")
    with pytest.raises(UsageError, match=r"mine exists already; choose another --name or add --force"):
        export_quickly(replace(quick, seed=1), name="mine")
    replaced = export_quickly(replace(quick, seed=1), name="mine", force=True)
    assert replaced.bundle.manifest.calibration is not None
    assert replaced.bundle.manifest.calibration.seed == 1


@pytest.mark.parametrize("name", ["/mine", "../mine", "a b"])
def test_a_name_that_could_leave_the_folder_is_wrong_use(export_quickly: Export, name: str) -> None:
    with pytest.raises(UsageError, match="choose another"):
        export_quickly(name=name)


@pytest.mark.parametrize("file", ["model.int8.tflite", "golden.npz", "evaluation"])
def test_a_changed_byte_is_found(exported: ExportResult, tmp_path: Path, file: str) -> None:
    folder = Path(shutil.copytree(exported.bundle.folder, tmp_path / "copy"))
    path = next((folder / file).rglob("*.jpg")) if file == "evaluation" else folder / file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    verification = verify_bundle(Bundle.open(folder), detect_machine())
    sentences = [check.reason for check in verification.variants] + list(verification.faults)
    assert not verification.passed
    assert any(f"{path}: expected sha256" in sentence for sentence in sentences)


def test_an_unchanged_bundle_that_is_damaged_is_not_called_good(
    exported: ExportResult, tmp_path: Path
) -> None:
    from edgecls.cli.export import _verify

    folder = Path(shutil.copytree(exported.bundle.folder, tmp_path / "copy"))
    _verify(Bundle.open(folder))
    (folder / "model.int8.tflite").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"found but not sound: .* export again with --force"):
        _verify(Bundle.open(folder))


def test_photos_that_changed_since_the_run_stop_the_export(
    export_quickly: Export, trained: Any, tmp_path: Path
) -> None:
    data = Path(shutil.copytree(trained.dataset.root, tmp_path / "moved"))
    (data / trained.dataset.train[0].name).write_bytes(b"x")
    with pytest.raises(DataError, match="the photo has changed since the run saw it"):
        export_quickly(data=data)
    assert not (tmp_path / "bundles").exists()


def test_a_run_whose_model_was_altered_is_refused(
    export_quickly: Export, trained: Any, tmp_path: Path
) -> None:
    from edgecls.export.export import export_run

    run = Path(shutil.copytree(trained.folder, tmp_path / "run"))
    (run / MODEL).write_bytes(b"x")
    with pytest.raises(ModelError, match=r"model.keras: expected sha256"):
        export_run(run, trained.record, ExportOptions(), bundles=tmp_path / "b", progress=None)  # type: ignore[arg-type]
    assert json.loads((run / "run.json").read_text())["name"] == trained.record.name


def test_force_refuses_a_folder_that_is_no_bundle_and_leaves_its_files(
    export_quickly: Export, tmp_path: Path
) -> None:
    mine = tmp_path / "bundles" / "mine"
    mine.mkdir(parents=True)
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match=r"expected a folder with manifest.json to replace, found another"):
        export_quickly(name="mine", force=True)
    assert [path.name for path in mine.parent.rglob("*")] == ["mine", "thesis.txt"]
