"""The review's claims as fits: time against operations, and accuracy against time.

Canziani, Paszke and Culurciello 2016, "An Analysis of Deep Neural Network Models for Practical Applications",
arXiv:1605.07678, from which the review has them: operations estimate the time of a network well, accuracy and
time stand in a hyperbolic relation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import DataError

FEWEST_POINTS = 4  # through two points a line always fits, through three nearly always

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """y = intercept + slope * x by least squares; `r_squared` is the share of y's variance it explains."""

    slope: float
    intercept: float
    r_squared: float

    def at(self, x: float) -> float:
        return self.intercept + self.slope * x


@dataclass(frozen=True)
class Hyperbola:
    """y = limit - cost / x by least squares; `r_squared` is the share of y's variance it explains."""

    limit: float
    cost: float
    r_squared: float

    def at(self, x: float) -> float:
        return self.limit - self.cost / x


@dataclass(frozen=True)
class Outlier:
    """The point that a line misses most.

    `factor` is measured over predicted or its inverse, at least 1, and infinite where the line predicts
    nothing above 0.
    """

    index: int
    measured: float
    predicted: float
    factor: float


def fit_line(x: Sequence[float], y: Sequence[float]) -> Line:
    """The least-squares line through at least 4 points.

    Raises DataError for fewer points, lists of unequal length, or when all x are the same.
    """
    xs, ys = _checked(x, y)
    slope, intercept = _least_squares(xs, ys)
    return Line(slope, intercept, _explained(ys, intercept + slope * xs))


def fit_hyperbola(times: Sequence[float], top1: Sequence[float]) -> Hyperbola:
    """The curve top1 = limit - cost / time through at least 4 points; a straight line in 1 / time.

    Raises DataError as `fit_line` does, and for a time that is not above 0.
    """
    ts, ys = _checked(times, top1)
    if ts.min() <= 0:
        raise DataError(f"a time must be above 0 ms, found {ts.min():g}; measure it again")
    slope, limit = _least_squares(1 / ts, ys)
    return Hyperbola(limit, -slope, _explained(ys, limit + slope / ts))


def worst_outlier(line: Line, x: Sequence[float], y: Sequence[float]) -> Outlier:
    """The point with the largest factor between measured and predicted; y are above 0."""
    outliers = [_outlier(i, measured, line.at(a)) for i, (a, measured) in enumerate(zip(x, y, strict=True))]
    return max(outliers, key=lambda outlier: outlier.factor)


def _outlier(index: int, measured: float, predicted: float) -> Outlier:
    factor = max(measured / predicted, predicted / measured) if predicted > 0 else inf
    return Outlier(index, measured, predicted, factor)


def _checked(x: Sequence[float], y: Sequence[float]) -> tuple[Values, Values]:
    if len(x) != len(y):
        raise DataError(f"a fit needs pairs of numbers, found {len(x)} and {len(y)}")
    if len(x) < FEWEST_POINTS:
        raise DataError(f"a fit needs at least {FEWEST_POINTS} points to say anything, found {len(x)}")
    if len(set(x)) == 1:
        raise DataError("a fit needs points at different places, found all of them at one")
    return np.asarray(x, np.float64), np.asarray(y, np.float64)


def _least_squares(x: Values, y: Values) -> tuple[float, float]:
    """Slope and intercept."""
    away = x - x.mean()
    slope = float(away @ (y - y.mean()) / (away @ away))
    return slope, float(y.mean() - slope * x.mean())


def _explained(y: Values, fitted: Values) -> float:
    """1 for a perfect fit, 0 when the mean alone does as well; 0 too when y does not vary."""
    total = float(((y - y.mean()) ** 2).sum())
    return 1 - float(((y - fitted) ** 2).sum()) / total if total else 0.0
