"""The gate: judged on photos that calibration and test do not share, and what fails stays out by name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.bundle import find_bundle
from edgecls.data import Loaded
from edgecls.errors import GateError, ModelError
from edgecls.export import gate, quantizing
from edgecls.export.export import ExportResult
from edgecls.export.gate import choose_gate_photos, judge
from edgecls.export.measure import Scored, measure
from edgecls.export.options import ExportOptions
from edgecls.manifest import Limits, Measurement
from edgecls.photos import DataSet, Photo
from edgecls.runtime.model_file import ModelFile
from edgecls.splits import draw_stratified
from edgecls.tensors import TensorSpec

pytestmark = pytest.mark.xdist_group("export")

Export = Callable[..., ExportResult]
TINY = Path(__file__).parents[1] / "data" / "tiny"


def photos(split: str, count: int) -> tuple[Photo, ...]:
    return tuple(Photo(f"{split}/{i}", i % 2, f"{split}-{i}") for i in range(count))


def made_dataset(train: int, validation: int) -> DataSet:
    from edgecls.labels import Labels

    splits = photos("train", train), photos("validation", validation), photos("test", 20)
    return DataSet("made", Path("made"), Labels(("a", "b")), *splits)


def test_gate_photos_are_validation_and_training_photos_that_calibration_did_not_see() -> None:
    dataset = made_dataset(300, 50)
    calibration = draw_stratified(list(dataset.train), 100, seed=0)
    chosen = choose_gate_photos(dataset, calibration, seed=0)
    digests = {photo.digest for photo in chosen.photos}
    assert len(digests) == len(chosen.photos) == 250
    assert {p.digest for p in dataset.validation} <= digests
    assert not digests & {p.digest for p in calibration}
    assert not digests & {p.digest for p in dataset.test}
    assert chosen.description == "50 validation and 200 training photos that calibration did not see"


def test_enough_validation_photos_need_no_training_photos() -> None:
    dataset = made_dataset(300, gate.GATE_PHOTOS)
    chosen = choose_gate_photos(dataset, dataset.train[:200], seed=0)
    assert chosen.photos == dataset.validation
    assert chosen.description == f"{gate.GATE_PHOTOS} validation photos"


def test_the_gate_takes_no_more_training_photos_than_it_lacks() -> None:
    dataset = made_dataset(5000, 50)
    assert len(choose_gate_photos(dataset, (), seed=0).photos) == gate.GATE_PHOTOS


def measured(lost: int, *, gained: int = 0) -> Measurement:
    """200 photos. Float takes all for the class 'a', the variant all but the first `lost` and the last `gained`.

    They are of class 'a', or when something is gained the last 100 of class 'b'.
    """
    n = 200
    truth = np.repeat(np.array([0, 1 if gained else 0]), n // 2)
    spec = TensorSpec("t", (1, 2), "float32")
    good = np.tile(np.array([[0.9, 0.1]], np.float32), (n, 1))
    bad = good.copy()
    bad[:lost] = bad[:lost, ::-1]
    bad[n - gained :] = bad[n - gained :, ::-1]
    loaded = Loaded(np.zeros((n, 1, 1, 3), np.uint8), truth, photos("x", n), ())
    return measure(
        Scored(bad, "e", "native", spec, spec), Scored(good, "e", "native", spec, spec), loaded, photos="x"
    )


WIDE = Limits(100.0, 100.0, 0.0)
LABELS = ("a", "b")


@pytest.mark.parametrize(
    ("lost", "limit", "passes"),
    [(0, 0.0, True), (2, 1.0, True), (3, 1.0, False), (1, 0.0, False), (6, 3.0, True), (1, 0.1, True)],
)
def test_each_limit_lets_go_its_share_and_always_one_photo_but_nothing_at_0(
    lost: int, limit: float, passes: bool
) -> None:
    measurement = measured(lost)
    assert (judge(measurement, replace(WIDE, max_drop=limit), LABELS) == "") is passes
    assert (judge(measurement, replace(WIDE, max_class_drop=limit), LABELS) == "") is passes
    assert (judge(measurement, replace(WIDE, min_agreement=1 - limit / 100), LABELS) == "") is passes


def test_a_failure_names_every_figure_that_fails_and_the_photos() -> None:
    assert judge(measured(5), Limits(1.0, 2.0, 0.99), LABELS) == (
        "top-1 97.5 % is 2.5 points below float, more than --max-drop 1 allows, and 'a' loses 2.5 points, 5 of 200 "
        "photos, more than --max-class-drop 2 allows, and 5 of the 200 photos that float decides get another answer, "
        "more than --min-agreement 0.99 allows (x)"
    )


def test_one_class_that_loses_is_not_hidden_by_others_that_gain() -> None:
    assert judge(measured(5, gained=5), Limits(0.0, 5.0, 0.0), LABELS) == ""
    assert judge(measured(11, gained=11), Limits(0.0, 5.0, 0.0), LABELS) == (
        "'a' loses 11.0 points, 11 of 100 photos, more than --max-class-drop 5 allows (x)"
    )


def spoil(source: Path, target: Path, *others: Any, **options: Any) -> None:
    """A quantizer whose int8 file, a real one, takes blue for red and red for blue."""
    shutil.copy(TINY / f"tiny.int8{target.suffix}", target)


@pytest.fixture
def spoiled_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantizing, "quantize_onnx", spoil)


@pytest.fixture
def spoiled_tflite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantizing, "quantize_tflite", spoil)


@pytest.mark.usefixtures("spoiled_onnx")
def test_by_default_a_variant_that_drops_too_much_stays_out_and_is_named_with_its_figures(
    export_quickly: Export,
) -> None:
    bundle = export_quickly().bundle
    kept = {(variant.format, variant.precision) for variant in bundle.manifest.variants}
    assert kept == {("tflite", "float32"), ("tflite", "int8"), ("onnx", "float32")}
    assert not list(bundle.folder.glob("model.int8*.onnx"))
    rejected = bundle.manifest.rejected
    assert {variant.format for variant in rejected} == {"onnx"}
    assert "int8" in {variant.precision for variant in rejected}
    for variant in rejected:
        assert "points below float, more than --max-drop 0.5 allows" in variant.reason
        assert variant.gate is not None
        assert variant.gate.agreement.drop > 0.01


@pytest.mark.usefixtures("spoiled_onnx")
def test_a_format_asked_for_by_name_without_int8_is_a_gate_error_and_no_bundle(
    export_quickly: Export, options: ExportOptions, tmp_path: Path
) -> None:
    with pytest.raises(GateError, match=r"no int8 variant of onnx passed the gate.*onnx int8: top-1"):
        export_quickly(replace(options, named=True))
    assert [entry.name for entry in (tmp_path / "bundles").iterdir()] == ["small-tints-001.refused"]


@pytest.mark.usefixtures("spoiled_onnx")
def test_a_bundle_found_unchanged_does_not_hide_that_a_named_format_failed(
    export_quickly: Export, options: ExportOptions
) -> None:
    export_quickly()
    assert export_quickly().unchanged
    with pytest.raises(GateError, match=r"small-tints-001, .* has no int8 variant of onnx: onnx int8"):
        export_quickly(replace(options, named=True))


@pytest.mark.usefixtures("spoiled_onnx", "spoiled_tflite")
def test_when_no_format_has_int8_left_there_is_no_bundle(export_quickly: Export, tmp_path: Path) -> None:
    with pytest.raises(GateError, match="no int8 variant of tflite or onnx passed the gate"):
        export_quickly()
    assert [entry.name for entry in (tmp_path / "bundles").iterdir()] == ["small-tints-001.refused"]


@pytest.mark.usefixtures("spoiled_onnx", "spoiled_tflite")
def test_what_was_refused_is_kept_for_a_look_and_is_no_bundle(
    export_quickly: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(GateError, match=r"the files are kept for a look in .*small-tints-001\.refused"):
        export_quickly()
    place = tmp_path / "bundles" / "small-tints-001.refused"
    assert {"gate.json", "model.int8.tflite", "model.int8.onnx"} == {entry.name for entry in place.iterdir()}
    assert ModelFile.from_file(place / "model.int8.tflite").labels.names == ("blue", "green", "red sö")
    reasons = [one["reason"] for one in json.loads((place / "gate.json").read_text())]
    assert all("points below float" in reason for reason in reasons)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="there is no complete bundle"):
        find_bundle(None)


@pytest.mark.usefixtures("spoiled_onnx", "spoiled_tflite")
def test_generous_limits_let_them_in(export_quickly: Export, options: ExportOptions) -> None:
    bundle = export_quickly(replace(options, limits=WIDE)).bundle
    assert bundle.manifest.rejected == ()
    assert bundle.manifest.limits == WIDE


def test_a_quantizer_that_fails_is_named_and_the_other_format_goes_on(
    export_quickly: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        raise ModelError("model.float32.tflite could not be quantized to int8 (no such operator)")

    monkeypatch.setattr(quantizing, "quantize_tflite", fail)
    manifest = export_quickly().bundle.manifest
    assert "onnx int8" in {variant.key for variant in manifest.variants}
    (rejected,) = [variant for variant in manifest.rejected if variant.format == "tflite"]
    assert (rejected.precision, rejected.gate) == ("int8", None)
    assert "no such operator" in rejected.reason


@pytest.mark.usefixtures("spoiled_onnx", "spoiled_tflite")
def test_without_int8_the_gate_is_not_asked(export_quickly: Export, options: ExportOptions) -> None:
    manifest = export_quickly(replace(options, int8=False)).bundle.manifest
    assert {variant.precision for variant in manifest.variants} == {"float32"}
    assert manifest.calibration is None
