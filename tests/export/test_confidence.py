"""Confidence: fitted on validation photos alone, stored in the bundle and in every file of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecls.data import Loaded
from edgecls.export.candidates import Candidate
from edgecls.export.confidence import LEAST_PHOTOS, fit_confidence, hold_out, measure_confidence
from edgecls.export.export import ExportResult
from edgecls.export.judging import Judgement, Passed, Tested
from edgecls.manifest import Measurement
from edgecls.metrics import Probabilities, compare, top1
from edgecls.photos import Photo
from edgecls.runtime.inspection import inspect_file

HELD_OUT = 40


def photos(split: str, count: int) -> tuple[Photo, ...]:
    return tuple(Photo(f"{split}/{i}", 0, f"{split}-{i}") for i in range(count))


VALIDATION, TRAIN = photos("validation", HELD_OUT), photos("train", 200)


def gate_photos(validation: tuple[Photo, ...]) -> Loaded:
    """Validation photos, of which each second is answered wrongly, then training photos, all right."""
    truth = np.array([i % 2 for i in range(len(validation))] + [0] * len(TRAIN))
    return Loaded(np.zeros((len(truth), 1, 1, 3), np.uint8), truth, validation + TRAIN, ())


def passed(format: str, precision: str, probabilities: Probabilities, loaded: Loaded) -> Passed:
    agreement = compare(probabilities, probabilities, loaded.truth)
    figures = Measurement("gate", top1(probabilities, loaded.truth), agreement, "litert 2", "native")
    return Passed(Candidate(Path(f"model.{precision}.{format}"), format, precision), figures, probabilities)


def judgement(loaded: Loaded) -> Judgement:
    sure = np.tile(np.array([[0.99, 0.01]], np.float32), (len(loaded), 1))
    files = [("onnx", "int8"), ("tflite", "float32"), ("tflite", "int8")]
    return Judgement(tuple(passed(*file, sure, loaded) for file in files), ())


def test_only_validation_photos_say_how_sure_an_answer_may_be() -> None:
    loaded = gate_photos(VALIDATION)
    fitted = fit_confidence(hold_out(judgement(loaded), loaded, VALIDATION))
    # Half of them are wrong. The training photos, all right, would have made 0.99 look modest.
    assert fitted.temperature > 5
    assert fitted.file == "model.int8.tflite"
    best = "10.00 fits them best, this is as near to 1 as they allow"
    assert fitted.words == f"{HELD_OUT} validation photos, tflite int8; {best}"


def test_a_temperature_that_chance_explains_is_not_taken() -> None:
    loaded = gate_photos(VALIDATION)
    # 24 of the 40 are right at a confidence of 0.65: a little too sure, as 40 photos may be by chance.
    answers = np.tile(np.array([[0.65, 0.35]], np.float32), (len(loaded), 1))
    truth = np.array([0] * 24 + [1] * 16 + [0] * len(TRAIN))
    judged = Judgement((passed("tflite", "int8", answers, loaded),), ())
    fitted = fit_confidence(hold_out(judged, replace(loaded, truth=truth), VALIDATION))
    assert fitted.temperature == 1.0
    assert fitted.words.startswith("40 validation photos, tflite int8; 1.6"), fitted.words


def test_a_few_photos_are_not_enough_for_a_temperature() -> None:
    few = VALIDATION[: LEAST_PHOTOS - 1]
    loaded = gate_photos(few)
    fitted = fit_confidence(hold_out(judgement(loaded), loaded, few))
    assert fitted.temperature == 1.0
    assert fitted.words == f"not fitted: {LEAST_PHOTOS - 1} validation photos are fewer than {LEAST_PHOTOS}"


def test_the_calibration_error_is_that_of_the_test_photos() -> None:
    loaded = gate_photos(VALIDATION)
    fitted = fit_confidence(hold_out(judgement(loaded), loaded, VALIDATION))
    sure = np.tile(np.array([[0.99, 0.01]], np.float32), (100, 1))
    tested = Tested((), {"model.int8.tflite": sure}, np.arange(100) % 2)
    found = measure_confidence(fitted, tested)
    assert found.error_before == pytest.approx(0.49, abs=1e-6)
    assert found.error < 0.2


def test_the_bundle_and_every_file_of_it_carry_the_same_temperature(exported: ExportResult) -> None:
    manifest = exported.bundle.manifest
    inside = {inspect_file(exported.bundle.folder / v.file).card.temperature for v in manifest.variants}
    assert inside == {manifest.confidence.temperature}
    assert len(manifest.variants) == 4
