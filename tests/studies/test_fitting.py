"""The fits of the review's claims, on points whose answer is known."""

from __future__ import annotations

from math import inf

import pytest

from edgecls.errors import DataError
from edgecls.studies.fitting import (
    Line,
    fit_hyperbola,
    fit_line,
    worst_outlier,
)


def test_points_on_a_line_give_that_line() -> None:
    line = fit_line([1, 2, 4, 8], [3, 5, 9, 17])
    assert (line.slope, line.intercept, line.r_squared) == pytest.approx((2, 1, 1))


def test_scatter_around_a_line_lowers_r_squared() -> None:
    # By hand: sxy 4 of sxx 5, residual squares 1.8 of 5.
    line = fit_line([0, 1, 2, 3], [0, 2, 1, 3])
    assert (line.slope, line.intercept, line.r_squared) == pytest.approx((0.8, 0.3, 0.64))


def test_large_multiply_adds_lose_no_precision() -> None:
    macs = [1e6, 3e8, 4e9, 2e10]
    line = fit_line(macs, [0.5 + 5e-9 * m for m in macs])
    assert line.slope == pytest.approx(5e-9, rel=1e-9)
    assert line.intercept == pytest.approx(0.5, rel=1e-6)


def test_a_hyperbola_gives_its_limit_and_its_cost() -> None:
    times = [1.0, 2.0, 5.0, 20.0]
    curve = fit_hyperbola(times, [0.8 - 0.3 / t for t in times])
    assert (curve.limit, curve.cost, curve.r_squared) == pytest.approx((0.8, 0.3, 1))
    assert curve.at(3.0) == pytest.approx(0.7)


def test_accuracy_that_falls_with_time_has_a_negative_cost() -> None:
    assert fit_hyperbola([1, 2, 3, 4], [0.9, 0.8, 0.7, 0.6]).cost < 0


def test_equal_accuracies_are_explained_by_nothing() -> None:
    assert fit_hyperbola([1, 2, 3, 4], [0.5, 0.5, 0.5, 0.5]).r_squared == 0


@pytest.mark.parametrize("fit", [fit_line, fit_hyperbola])
def test_three_points_are_too_few(fit: type) -> None:
    with pytest.raises(DataError, match="at least 4 points"):
        fit([1, 2, 3], [1, 2, 3])


def test_points_at_one_place_are_no_line() -> None:
    with pytest.raises(DataError, match="different places"):
        fit_line([2, 2, 2, 2], [1, 2, 3, 4])


def test_lists_of_unequal_length_are_an_error() -> None:
    with pytest.raises(DataError, match="found 4 and 3"):
        fit_line([1, 2, 3, 4], [1, 2, 3])


def test_a_time_of_zero_is_an_error() -> None:
    with pytest.raises(DataError, match="above 0 ms"):
        fit_hyperbola([0, 1, 2, 3], [0.1, 0.2, 0.3, 0.4])


def test_the_worst_outlier_may_be_faster_than_predicted() -> None:
    outlier = worst_outlier(Line(1, 0, 1), [1, 2, 10], [1, 3, 2])
    assert (outlier.index, outlier.measured, outlier.predicted) == (2, 2, 10)
    assert outlier.factor == pytest.approx(5)


def test_a_negative_prediction_is_off_by_no_finite_factor() -> None:
    outlier = worst_outlier(Line(1, -2, 1), [1, 3, 4], [0.5, 9, 2])
    assert (outlier.index, outlier.factor) == (0, inf)
