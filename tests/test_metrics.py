"""Metrics: against published values and against figures small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecls.errors import DataError
from edgecls.metrics import (
    balanced_accuracy,
    calibration_error,
    class_reports,
    compare,
    confusion,
    paired_difference,
    top1,
    wilson,
)


def scores(*winners: int, classes: int = 3, best: float = 0.8) -> NDArray[np.float32]:
    """Probabilities whose winner is given, photo by photo."""
    table = np.full((len(winners), classes), (1 - best) / (classes - 1), np.float32)
    table[np.arange(len(winners)), winners] = best
    return table


def truth(*labels: int) -> NDArray[np.int64]:
    return np.array(labels, np.int64)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # R. G. Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_wilson_interval_is_that_of_newcombes_table(
    successes: int, n: int, low: float, high: float
) -> None:
    found = wilson(successes, n)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert found.value == successes / n
    assert found.n == n


def test_the_wilson_interval_stays_inside_0_and_1() -> None:
    assert wilson(20, 20).high == 1.0
    assert wilson(0, 20).low == 0.0
    assert wilson(20, 20).low == pytest.approx(1 - 0.1611, abs=5e-5)


def test_the_wilson_interval_holds_its_share_in_spite_of_rounding() -> None:
    found = [wilson(successes, n) for n in range(1, 200) for successes in (0, 1, n - 1, n)]
    assert [p for p in found if not 0.0 <= p.low <= p.value <= p.high <= 1.0] == []


def test_no_photos_give_no_accuracy() -> None:
    with pytest.raises(DataError, match="at least one photo"):
        wilson(0, 0)
    with pytest.raises(DataError, match="at least one photo"):
        compare(scores(), scores(), truth())


def test_the_paired_interval_is_agresti_and_mins() -> None:
    # The approval ratings of Agresti and Min 2005: 1600 people asked twice, 150 turned away, 86 came round.
    # With one half in each cell: (150.5 - 86.5) / 1602 = .03995,
    # half width 1.96 * sqrt(237 - 64**2 / 1602) / 1602 = .01873.
    drop, low, high = paired_difference(150, 86, 1600)
    assert drop == 0.04
    assert (low, high) == pytest.approx((0.02122, 0.05868), abs=1e-5)


def test_a_pair_without_differences_still_has_an_interval() -> None:
    drop, low, high = paired_difference(0, 0, 100)
    assert drop == 0.0
    assert low == pytest.approx(-high)
    assert 0.01 < high < 0.05


def test_the_paired_interval_stays_inside_minus_1_and_1() -> None:
    assert paired_difference(1, 0, 1)[2] <= 1.0
    assert paired_difference(0, 1, 1)[1] >= -1.0


def test_top1_counts_the_photos_whose_best_score_is_the_truth() -> None:
    found = top1(scores(0, 1, 2, 2), truth(0, 1, 2, 0))
    assert (found.value, found.n) == (0.75, 4)


def test_confusion_has_the_truth_in_rows() -> None:
    assert confusion(scores(0, 1, 1, 2), truth(0, 0, 1, 2)).tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]


def test_class_reports_count_by_hand() -> None:
    # class a: 3 photos, 2 found, called 2 times; class b: 1 photo, found, called 2 times; class c: no photo.
    matrix = np.array([[2, 1, 0], [0, 1, 0], [0, 0, 0]])
    a, b, c = class_reports(matrix, ("a", "b", "c"))
    assert (a.label, b.label, c.label) == ("a", "b", "c")
    assert (a.precision, a.recall, a.f1, a.support) == pytest.approx((1.0, 2 / 3, 0.8, 3))
    assert (b.precision, b.recall, b.f1, b.support) == pytest.approx((0.5, 1.0, 2 / 3, 1))
    assert (c.precision, c.recall, c.f1, c.support) == (0.0, 0.0, 0.0, 0)


def test_balanced_accuracy_is_the_mean_recall_of_the_classes_with_photos() -> None:
    assert balanced_accuracy(np.array([[9, 0, 0], [1, 1, 0], [0, 0, 0]])) == pytest.approx((1.0 + 0.5) / 2)


def test_a_model_agrees_with_itself() -> None:
    table = scores(0, 1, 2)
    found = compare(table, table, truth(0, 1, 0))
    assert (found.overall, found.decided, found.mean_change, found.drop) == (1.0, 1.0, 0.0, 0.0)
    assert found.drop_low < 0 < found.drop_high


def test_agreement_counts_lost_and_won_photos() -> None:
    # Photo 0 is lost, photo 1 won, photo 2 lost, photo 3 changes from wrong to wrong.
    found = compare(scores(0, 0, 2, 0), scores(1, 1, 0, 1), truth(0, 1, 2, 2))
    assert (found.n, found.overall) == (4, 0.0)
    assert found.drop == (2 - 1) / 4


def test_only_photos_with_a_margin_of_a_tenth_are_decided() -> None:
    reference = np.array([[0.55, 0.45, 0.0], [0.54, 0.46, 0.0], [0.9, 0.1, 0.0]], np.float32)
    other = np.array([[0.55, 0.45, 0.0], [0.46, 0.54, 0.0], [0.9, 0.1, 0.0]], np.float32)
    found = compare(reference, other, truth(0, 0, 0))
    assert (found.n_decided, found.decided) == (2, 1.0)
    assert found.overall == pytest.approx(2 / 3)


def test_mean_change_is_over_every_probability() -> None:
    reference = np.array([[0.8, 0.2], [0.6, 0.4]], np.float32)
    other = np.array([[0.7, 0.3], [0.6, 0.4]], np.float32)
    assert compare(reference, other, truth(0, 0)).mean_change == pytest.approx(0.05, abs=1e-6)


def test_calibration_error_is_the_gap_of_confidence_and_accuracy_averaged_over_photos() -> None:
    # Four photos at 0.75 of which two are right, and one at 0.95, right: (4 * 0.25 + 1 * 0.05) / 5.
    best = np.array([0.75, 0.75, 0.75, 0.75, 0.95], np.float32)
    probabilities = np.stack([best, 1 - best], axis=1)
    assert calibration_error(probabilities, np.array([0, 0, 1, 1, 0])) == pytest.approx(0.21, abs=1e-6)


def test_answers_that_are_as_right_as_they_are_sure_have_no_calibration_error() -> None:
    probabilities = np.tile(np.array([[0.75, 0.25]], np.float32), (4, 1))
    assert calibration_error(probabilities, np.array([0, 0, 0, 1])) == pytest.approx(0, abs=1e-6)


def test_a_confidence_of_one_falls_into_the_last_bin() -> None:
    assert calibration_error(np.array([[1.0, 0.0]], np.float32), np.array([1])) == pytest.approx(1.0)


def test_the_class_that_loses_most_is_named_with_its_photos() -> None:
    photos = truth(0, 0, 0, 0, 1, 1)
    float_answers = np.eye(2, dtype=np.float32)[photos]
    other = np.eye(2, dtype=np.float32)[[1, 0, 0, 0, 0, 1]]
    worst = compare(float_answers, other, photos).worst_class
    assert (worst.index, worst.drop, worst.n) == (1, 0.5, 2)
