"""Classifier: a real model file from pixels to a label, in the arithmetic that the machine needs."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecls.bundle import Bundle
from edgecls.errors import ModelError, UsageError
from edgecls.images import read_photo
from edgecls.labels import Labels
from edgecls.machine import Machine
from edgecls.manifest_file import write_manifest
from edgecls.records import to_record
from edgecls.runtime.answers import answer_photos
from edgecls.runtime.arithmetic import arithmetic_for
from edgecls.runtime.classifier import default_threads, open_classifier
from edgecls.runtime.decision import FrameByFrame
from edgecls.runtime.model_file import CARD, ModelFile
from edgecls.runtime.selection import select_model


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_tflite_file_alone_names_the_colour_of_photos(
    tiny: Path, photo_folder: Path, precision: str
) -> None:
    classifier = open_classifier(ModelFile.from_file(tiny / f"tiny.{precision}.tflite"))
    labels = {
        path.name: classifier.classify(read_photo(path)).prediction.label
        for path in photo_folder.rglob("*.png")
    }
    assert labels == {"1.png": "red", "2.png": "green", "ä 10.png": "blue"}


def test_full_range_onnx_int8_is_computed_exactly_where_sums_saturate(machine: Machine) -> None:
    saturating = replace(machine, int8_dot="saturating")
    assert arithmetic_for("onnx", "int8", saturating) == "exact"
    assert arithmetic_for("onnx", "int8-avx2", saturating) == "native"
    assert arithmetic_for("onnx", "float32", saturating) == "native"
    assert arithmetic_for("tflite", "int8", saturating) == "native"
    assert arithmetic_for("onnx", "int8", machine) == "native"


def test_labels_that_do_not_fit_the_model_are_an_error(tiny: Path) -> None:
    model = ModelFile.from_file(tiny / "tiny.int8.tflite")
    wrong = replace(model, card=replace(model.card, labels=("red", "green")))
    with pytest.raises(ModelError, match="gives 3 scores but its labels name 2"):
        open_classifier(wrong)


def test_a_frame_is_unknown_unless_above_the_threshold_of_its_label(tiny: Path) -> None:
    model = ModelFile.from_file(tiny / "tiny.int8.tflite")
    strict = open_classifier(replace(model, card=replace(model.card, thresholds=(1.0, 0.0, 0.0))))
    red, green = np.zeros((20, 20, 3), np.uint8), np.zeros((20, 20, 3), np.uint8)
    red[..., 2] = green[..., 1] = 230  # OpenCV's order
    assert (strict.classify(red).prediction.label, strict.classify(red).prediction.unknown) == ("red", True)
    assert not strict.classify(green).prediction.unknown


def test_the_thresholds_of_a_bundle_reach_the_classifier(make_bundle: Callable[..., Bundle]) -> None:
    bundle = make_bundle()
    thresholds = replace(bundle.manifest.thresholds, values=(0.1, 0.2, 0.3))
    write_manifest(bundle.folder, replace(bundle.manifest, thresholds=thresholds))
    decision = open_classifier(select_model(str(bundle.folder)).model).decision
    assert isinstance(decision, FrameByFrame)
    assert decision.thresholds == (0.1, 0.2, 0.3)


@pytest.mark.parametrize("thresholds", [[0.5], [0.5, 0.5, 1.5]])
def test_a_file_whose_thresholds_do_not_fit_its_labels_is_an_error(
    tiny: Path, tmp_path: Path, thresholds: list[float]
) -> None:
    whole = (tiny / "tiny.int8.tflite").read_bytes()
    path = tmp_path / "odd.tflite"
    path.write_bytes(whole[: whole.index(b"PK\x03\x04")])
    record = to_record(ModelFile.from_file(tiny / "tiny.int8.tflite").card) | {"thresholds": thresholds}
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(CARD, json.dumps(record))
    with pytest.raises(ModelError, match=r"odd\.tflite: expected a threshold .*edgecls export"):
        ModelFile.from_file(path)


def test_temperature_and_top_k_reach_the_prediction() -> None:
    from edgecls.labels import Labels

    decision = FrameByFrame(Labels(("red", "green", "blue")), temperature=2.0, top_k=2)
    found = decision.decide(np.array([0.8, 0.1, 0.1], np.float32))
    assert len(found.top) == 2
    assert found.confidence == pytest.approx(0.8**0.5 / (0.8**0.5 + 2 * 0.1**0.5), abs=1e-6)


def test_threads_are_one_a_core_and_at_most_four() -> None:
    assert 1 <= default_threads() <= 4


def test_the_default_of_a_bundle_is_its_int8_tflite(make_bundle: Callable[..., Bundle]) -> None:
    bundle = make_bundle()
    chosen = select_model(str(bundle.folder))
    assert chosen.model.variant is not None
    assert chosen.model.variant.key == "tflite int8"
    assert chosen.description == f"{bundle.folder} (tflite int8)"


def test_an_engine_decides_the_format(make_bundle: Callable[..., Bundle]) -> None:
    pytest.importorskip("onnxruntime")
    folder = str(make_bundle(formats=("tflite", "onnx")).folder)
    assert select_model(folder, engine="onnxruntime").model.path.suffix == ".onnx"
    assert select_model(folder, engine="null").model.path.suffix == ".tflite"


def test_a_file_by_itself_and_a_bundle_together_are_wrong_use(tiny: Path) -> None:
    file = tiny / "tiny.int8.tflite"
    for options in ({"given": "some"}, {"given": str(file)}, {"given": None, "precision": "int8"}):
        with pytest.raises(UsageError):
            select_model(file=file, **options)


def test_a_bad_photo_is_listed_among_the_answers(tiny: Path, photo_folder: Path) -> None:
    (photo_folder / "a" / "0.jpg").write_bytes(b"no picture")
    classifier = open_classifier(ModelFile.from_file(tiny / "tiny.int8.tflite"))
    answers = answer_photos(classifier, [str(photo_folder), "missing.jpg"])
    assert [bool(answer.fault) for answer in answers] == [True, False, False, False, True]
    assert [answer.prediction.label for answer in answers if answer.prediction] == ["red", "green", "blue"]


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_scores_that_are_no_probabilities_are_refused_wherever_they_stand(wrong: float) -> None:
    decision = FrameByFrame(Labels(("a", "b", "c")))
    with pytest.raises(ModelError, match="no probabilities"):
        decision.decide(np.array([0.2, wrong, 0.8], np.float32))
