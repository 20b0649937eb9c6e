"""Thresholds of an export: chosen on validation photos alone, told with what they leave of the test, in every file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgecls.bundle import Bundle
from edgecls.calibration.thresholds import Chosen
from edgecls.cli.export import print_bundle
from edgecls.export.confidence import LEAST_PHOTOS, Fitted, HeldOut
from edgecls.export.export import ExportResult
from edgecls.export.judging import Tested
from edgecls.export.options import ExportOptions
from edgecls.export.thresholds import FittedThresholds, fit_thresholds, measure_thresholds
from edgecls.manifest_file import read_manifest
from edgecls.metrics import Indices, Probabilities, wilson
from edgecls.prediction import apply_temperature
from edgecls.runtime.inspection import inspect_file
from edgecls.runtime.model_file import ModelFile

FILE = "model.int8.tflite"
UNSCALED = Fitted(1.0, FILE, "")


def two_classes(confidences: list[float]) -> Probabilities:
    """All taken for the first class."""
    return np.array([[share, 1 - share] for share in confidences], np.float32)


def held_out(photos: int) -> HeldOut:
    """A third of the photos is right, at a confidence of 0.95; the others are wrong, at 0.75."""
    right = [i % 3 == 0 for i in range(photos)]
    probabilities = two_classes([0.95 if one else 0.75 for one in right])
    return HeldOut(FILE, "tflite int8", probabilities, np.array([0 if one else 1 for one in right]))


def test_thresholds_say_on_which_photos_they_were_chosen_and_which_classes_have_few() -> None:
    found = fit_thresholds(held_out(60), UNSCALED, 0.9)
    assert found.values == pytest.approx((0.85, 0.85))
    assert found.precision == 0.9
    assert found.words == (
        "60 validation photos, tflite int8; 1 of 2 classes, with fewer than 10 photos taken for them, have the "
        "threshold of all together"
    )


def test_thresholds_belong_to_probabilities_after_temperature() -> None:
    softened = apply_temperature(two_classes([0.95, 0.75]), 2.0)[:, 0]
    found = fit_thresholds(held_out(60), Fitted(2.0, FILE, ""), 0.9)
    assert found.values[0] == pytest.approx(softened.mean())
    assert found.values[0] < 0.75


def test_a_few_photos_are_not_enough_and_every_answer_counts() -> None:
    found = fit_thresholds(held_out(LEAST_PHOTOS - 1), UNSCALED, 0.9)
    assert found.values == (0, 0)
    assert found.words == "not fitted, 0 for every class: 29 validation photos are fewer than 30"


def test_a_promise_that_nothing_keeps_is_told() -> None:
    wrong = replace(held_out(40), truth=np.ones(40, np.int64))
    found = fit_thresholds(wrong, UNSCALED, 0.9)
    assert found.values[0] < 0.95
    assert found.words.endswith(
        "; no threshold keeps so much right for 2 of 2 classes, which have the one that keeps most"
    )


def seen_of_test(confidences: list[float], truth: list[int]) -> Tested:
    return Tested((), {FILE: two_classes(confidences), "another": two_classes([0.5])}, np.array(truth))


def test_what_thresholds_leave_is_measured_on_the_test_photos() -> None:
    fitted = FittedThresholds((0.8, 1.0), 0.9, "some photos")
    found = measure_thresholds(fitted, UNSCALED, seen_of_test([0.9, 0.9, 0.9, 0.6, 0.6], [0, 0, 1, 0, 1]))
    assert found.answered == wilson(3, 5)
    assert found.right == wilson(2, 3)
    softened = measure_thresholds(fitted, Fitted(3.0, FILE, ""), seen_of_test([0.9, 0.9], [0, 0]))
    assert (softened.answered.value, softened.right) == (0, None)


@pytest.fixture
def with_thresholds(
    export_quickly: Callable[..., ExportResult], trained: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Bundle]:
    """Exports the small run as if its few validation photos were enough and gave these thresholds."""
    asked = list[float]()
    photos = len(trained.dataset.validation)

    def choose(probabilities: Probabilities, truth: Indices, precision: float) -> Chosen:
        assert (probabilities.shape, truth.shape) == ((photos, 3), (photos,))
        asked.append(precision)
        return Chosen((0.25, 1.0, 0.0), (), ())

    monkeypatch.setattr("edgecls.export.thresholds.choose_thresholds", choose)
    monkeypatch.setattr("edgecls.export.confidence.LEAST_PHOTOS", photos)

    def export(options: ExportOptions) -> Bundle:
        bundle = export_quickly(options).bundle
        assert asked[-1] == options.min_precision
        return bundle

    return export


@pytest.mark.xdist_group("export")
def test_the_bundle_and_every_file_of_it_carry_the_thresholds_and_the_test_is_judged_by_them(
    with_thresholds: Callable[..., Bundle],
    options: ExportOptions,
    trained: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bundle = with_thresholds(replace(options, min_precision=0.8))
    manifest = read_manifest(bundle.folder)
    assert manifest.thresholds.values == (0.25, 1.0, 0.0)
    assert manifest.thresholds.precision == 0.8
    for variant in manifest.variants:
        assert inspect_file(bundle.folder / variant.file).card.thresholds == (0.25, 1.0, 0.0)
        assert ModelFile.from_bundle(bundle, variant).card.thresholds == (0.25, 1.0, 0.0)
    # The network is right on every photo, and green, class 1, is never answered.
    green = sum(photo.label == 1 for photo in trained.dataset.test)
    photos = len(trained.dataset.test)
    assert manifest.thresholds.answered.value == pytest.approx(1 - green / photos)
    print_bundle(bundle)
    said = " ".join(capsys.readouterr().err.split())
    assert "thresholds: answers above them should be right at least 80.0 % of the time (" in said
    assert f"on the test photos {100 * (1 - green / photos):.1f} % are answered and 100.0 %" in said
    assert "of those answers are right, without thresholds 100.0 %" in said


@pytest.mark.xdist_group("export")
def test_too_few_validation_photos_leave_every_answer_as_it_is(exported: ExportResult, trained: Any) -> None:
    found, photos = exported.bundle.manifest.thresholds, len(trained.dataset.validation)
    assert found.values == (0, 0, 0)
    assert found.fitted == f"not fitted, 0 for every class: {photos} validation photos are fewer than 30"
    assert found.answered.value == 1


@pytest.mark.xdist_group("export")
def test_another_promise_makes_another_bundle(
    export_quickly: Callable[..., ExportResult], options: ExportOptions
) -> None:
    quick = replace(options, formats=("tflite",), int8=False)
    assert not export_quickly(quick).unchanged
    assert export_quickly(quick).unchanged
    assert not export_quickly(replace(quick, min_precision=0.8)).unchanged
