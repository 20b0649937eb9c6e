"""Numpy metrics of a classifier: accuracy with its interval, confusion, per-class figures, agreement."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import DataError

Probabilities = NDArray[np.float32]
Indices = NDArray[np.int64]

Z95 = 1.959963984540054
DECIDED_MARGIN = 0.1


@dataclass(frozen=True)
class Proportion:
    """A share of n trials with its 95 % interval (Wilson 1927), all as fractions 0..1."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class ClassDrop:
    """How much of its accuracy one class loses: the fraction `drop` of its `n` photos; `index` is the class."""

    index: int
    drop: float
    n: int


@dataclass(frozen=True)
class Agreement:
    """How another precision of a model differs from the float model on the same n photos.

    Shares are fractions. A photo is decided when the float margin, best minus second probability, is at
    least DECIDED_MARGIN. `drop` is float top-1 minus this top-1, with the 95 % interval of paired
    proportions (Agresti and Min 2005, one half added to each cell). `worst_class` loses most.
    """

    n: int
    overall: float
    decided: float
    n_decided: int
    mean_change: float
    drop: float
    drop_low: float
    drop_high: float
    worst_class: ClassDrop


@dataclass(frozen=True)
class ClassReport:
    """Precision, recall and F1 of one class, fractions; `support` counts its photos."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


def wilson(successes: int, n: int) -> Proportion:
    """The 95 % score interval of a proportion (E. B. Wilson 1927). Raises DataError when n is 0."""
    if n == 0:
        raise DataError("an accuracy needs at least one photo, found none")
    share = successes / n
    centre = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 * sqrt(share * (1 - share) / n + Z95**2 / (4 * n * n)) / (1 + Z95**2 / n)
    # Rounding alone can put a bound past the share itself where that is 0 or 1.
    return Proportion(share, max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half)), n)


def top1(probabilities: Probabilities, truth: Indices) -> Proportion:
    """Share of photos whose best score is the true class. Shapes (n, classes) and (n,)."""
    hits = int((probabilities.argmax(axis=1) == truth).sum())
    return wilson(hits, len(truth))


def confusion(probabilities: Probabilities, truth: Indices) -> Indices:
    """Counts of shape (classes, classes): row = true class, column = predicted class."""
    classes = probabilities.shape[1]
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (truth, probabilities.argmax(axis=1)), 1)
    return matrix


def class_reports(matrix: Indices, labels: tuple[str, ...]) -> tuple[ClassReport, ...]:
    """Per-class figures from a confusion matrix as `confusion` gives it; 0 where undefined."""
    reports = []
    for i, label in enumerate(labels):
        hit, support, called = int(matrix[i, i]), int(matrix[i].sum()), int(matrix[:, i].sum())
        precision = hit / called if called else 0.0
        recall = hit / support if support else 0.0
        both = precision + recall
        reports.append(
            ClassReport(label, precision, recall, 2 * precision * recall / both if both else 0.0, support)
        )
    return tuple(reports)


def balanced_accuracy(matrix: Indices) -> float:
    """Mean recall over the classes that have photos."""
    support = matrix.sum(axis=1)
    present = support > 0
    return float((matrix.diagonal()[present] / support[present]).mean())


def calibration_error(probabilities: Probabilities, truth: Indices, *, bins: int = 15) -> float:
    """Expected calibration error, a fraction: by how much confidence misses accuracy, averaged over photos.

    Photos are put into `bins` bins of equal width by the confidence of their best class (Guo et al. 2017, equation 3).
    Raises DataError when there are none.
    """
    if not len(truth):
        raise DataError("a calibration error needs at least one photo, found none")
    confidence = probabilities.max(axis=1)
    gap = (probabilities.argmax(axis=1) == truth) - confidence
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    return float(np.abs(np.bincount(bin_of, weights=gap, minlength=bins)).sum() / len(truth))


def margins(probabilities: Probabilities) -> Probabilities:
    """Best minus second probability of each row: (n, classes) to (n,)."""
    best, second = np.partition(probabilities, -2, axis=1)[:, [-1, -2]].T
    return np.asarray(best - second)


def compare(reference: Probabilities, other: Probabilities, truth: Indices) -> Agreement:
    """Compare a model with the float reference on the same photos: shapes (n, classes) and (n,)."""
    if not len(truth):
        raise DataError("a comparison needs at least one photo, found none")
    decided = margins(reference) >= DECIDED_MARGIN
    same = reference.argmax(axis=1) == other.argmax(axis=1)
    lost = (reference.argmax(axis=1) == truth) & (other.argmax(axis=1) != truth)
    won = (reference.argmax(axis=1) != truth) & (other.argmax(axis=1) == truth)
    n = len(truth)
    drop, low, high = paired_difference(int(lost.sum()), int(won.sum()), n)
    return Agreement(
        n=n,
        overall=float(same.mean()),
        decided=float(same[decided].mean()) if decided.any() else 1.0,
        n_decided=int(decided.sum()),
        mean_change=float(np.abs(reference - other).mean()),
        drop=drop,
        drop_low=low,
        drop_high=high,
        worst_class=_worst_class(lost.astype(int) - won, truth),
    )


def _worst_class(losses: Indices, truth: Indices) -> ClassDrop:
    """`losses`: 1 for a photo lost, -1 for one won, else 0."""
    drops = [
        ClassDrop(int(i), float(losses[truth == i].mean()), int((truth == i).sum())) for i in np.unique(truth)
    ]
    return max(drops, key=lambda one: one.drop)


def paired_difference(lost: int, won: int, n: int) -> tuple[float, float, float]:
    """Difference of two paired proportions, (lost - won) / n, with its 95 % interval.

    Agresti and Min 2005, "Simple improved confidence intervals for comparing matched proportions".
    """
    b, c, m = lost + 0.5, won + 0.5, n + 2
    half = Z95 * sqrt(b + c - (b - c) ** 2 / m) / m
    centre = (b - c) / m
    return (lost - won) / n, max(-1.0, centre - half), min(1.0, centre + half)
