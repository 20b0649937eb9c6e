"""Temperature: found again when it is known, and never certain of anything."""

from __future__ import annotations

import numpy as np
import pytest

from edgecls.calibration.temperature import HIGHEST, cautious_temperature, fit_temperature
from edgecls.errors import DataError
from edgecls.metrics import Probabilities, calibration_error
from edgecls.prediction import apply_temperature


def answers(seed: int, n: int = 20_000) -> tuple[Probabilities, np.ndarray]:
    """Probabilities of 5 classes and classes drawn by exactly these: confidence is right at temperature 1."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (n, 5))
    powers = np.exp(logits)
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    truth = (probabilities.cumsum(axis=1) < random.uniform(size=(n, 1))).sum(axis=1)
    return probabilities.astype(np.float32), np.minimum(truth, 4)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_a_known_temperature_is_found_again(temperature: float) -> None:
    right, truth = answers(0)
    distorted = apply_temperature(right, 1 / temperature)
    assert fit_temperature(distorted, truth) == pytest.approx(temperature, rel=0.03)


def test_the_temperature_brings_the_calibration_error_down_on_other_photos() -> None:
    right, truth = answers(1)
    fitted = fit_temperature(apply_temperature(right, 0.4), truth)
    others, their_truth = answers(2)
    too_sure = apply_temperature(others, 0.4)
    before = calibration_error(too_sure, their_truth)
    assert before > 0.1
    assert calibration_error(apply_temperature(too_sure, fitted), their_truth) < 0.02


def test_right_answers_to_a_few_photos_do_not_make_it_certain() -> None:
    probabilities = np.tile(np.array([[0.9, 0.1]], np.float32), (10, 1))
    fitted = fit_temperature(probabilities, np.zeros(10, np.int64))
    confidence = apply_temperature(probabilities, fitted).max()
    assert confidence == pytest.approx(11 / 12, abs=1e-3)


def too_sure(photos: int) -> tuple[Probabilities, np.ndarray]:
    right, truth = answers(4, n=photos)
    return apply_temperature(right, 0.5), truth


def test_of_few_photos_the_temperature_stays_at_1_and_of_more_it_nears_what_they_show() -> None:
    found = [cautious_temperature(p, t, fit_temperature(p, t)) for p, t in map(too_sure, (8, 200, 20_000))]
    assert found[0] == 1.0
    assert 1.0 < found[1] < found[2] < 2.0
    assert found[2] == pytest.approx(2.0, rel=0.05)


def test_a_temperature_below_1_is_neared_from_above() -> None:
    right, truth = answers(5, n=500)
    unsure = apply_temperature(right, 2.0)
    best = fit_temperature(unsure, truth)
    assert best < cautious_temperature(unsure, truth, best) < 1.0


def test_answers_no_better_than_chance_are_flattened_as_far_as_it_goes() -> None:
    random = np.random.default_rng(3)
    probabilities, _ = answers(3, n=2000)
    assert fit_temperature(probabilities, random.integers(0, 5, 2000)) > 0.9 * HIGHEST


def test_a_probability_of_zero_is_no_obstacle() -> None:
    probabilities = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], np.float32)
    assert np.isfinite(fit_temperature(probabilities, np.array([0, 1, 1])))


def test_no_photos_are_an_error() -> None:
    with pytest.raises(DataError, match="at least one photo"):
        fit_temperature(np.zeros((0, 3), np.float32), np.zeros(0, np.int64))
