"""Prediction: the best label, the runners-up, and when to say unknown."""

from __future__ import annotations

import numpy as np
import pytest

from edgecls.labels import Labels
from edgecls.prediction import apply_temperature, predict

LABELS = Labels(("apple", "pear", "fig"))
SCORES = np.array([0.2, 0.7, 0.1], np.float32)


def test_the_best_label_and_the_runners_up_come_in_order() -> None:
    found = predict(SCORES, LABELS)
    assert (found.index, found.label, found.unknown) == (1, "pear", False)
    assert [name for name, _ in found.top] == ["pear", "apple", "fig"]
    assert found.confidence == pytest.approx(0.7)
    assert found.top[0] == ("pear", found.confidence)


def test_top_k_cuts_the_runners_up() -> None:
    assert len(predict(SCORES, LABELS, top_k=2).top) == 2


def test_of_equal_scores_the_first_label_wins() -> None:
    assert predict(np.full(3, 1 / 3, np.float32), LABELS).label == "apple"


@pytest.mark.parametrize(("threshold", "unknown"), [(0.69, False), (0.71, True)])
def test_an_answer_that_is_not_above_the_threshold_of_its_own_label_is_unknown(
    threshold: float, unknown: bool
) -> None:
    assert predict(SCORES, LABELS, thresholds=(1 - threshold, threshold, 1.0)).unknown is unknown


def test_a_threshold_of_0_lets_every_answer_through_and_one_of_1_none() -> None:
    certain = np.array([1.0, 0.0, 0.0], np.float32)
    assert not predict(np.full(3, 1 / 3, np.float32), LABELS, thresholds=(0.0, 1.0, 1.0)).unknown
    assert predict(certain, LABELS, thresholds=(1.0, 0.0, 0.0)).unknown
    assert not predict(certain, LABELS).unknown


def test_temperature_divides_the_logits() -> None:
    logits = np.array([2.0, -1.0, 0.5])
    softmax = np.exp(logits) / np.exp(logits).sum()
    expected = np.exp(logits / 2.5) / np.exp(logits / 2.5).sum()
    assert apply_temperature(softmax.astype(np.float32), 2.5) == pytest.approx(expected, abs=1e-6)


def test_temperature_works_row_by_row() -> None:
    table = np.stack([SCORES, SCORES[::-1]])
    found = apply_temperature(table, 3.0)
    assert found.shape == (2, 3)
    assert found[0] == pytest.approx(apply_temperature(SCORES, 3.0))
    assert found.sum(axis=-1) == pytest.approx([1.0, 1.0])


def test_temperature_1_changes_nothing() -> None:
    assert apply_temperature(SCORES, 1.0) is SCORES


def test_a_probability_of_zero_survives_any_temperature() -> None:
    found = apply_temperature(np.array([1.0, 0.0, 0.0], np.float32), 0.5)
    assert np.isfinite(found).all()
    assert found[0] == pytest.approx(1.0)


def test_a_high_temperature_turns_a_sure_answer_into_unknown() -> None:
    assert predict(SCORES, LABELS, temperature=10.0, thresholds=(0.5, 0.5, 0.5)).unknown
    assert not predict(SCORES, LABELS, thresholds=(0.5, 0.5, 0.5)).unknown
