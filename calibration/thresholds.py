"""Thresholds: how sure an answer must be, class by class, so that a stated share of those given are right.

Selective classification, Geifman and El-Yaniv 2017, "Selective Classification for Deep Neural Networks": whatever is
not above a threshold of the confidence is left unanswered, and of all thresholds that keep the promise the one that
answers most is taken. One threshold a class answers more at the same share: Fumera, Roli and Giacinto 2000, "Reject
option with multiple thresholds".

An answer counts when its confidence is above the threshold of its class, so 0 lets every answer through and 1 none.
The photos show classes of the network and nothing else: of what belongs to none of them thresholds promise nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import DataError
from edgecls.metrics import Indices, Probabilities

ALWAYS = 0.0
LEAST_PHOTOS = 10  # fewer above a threshold, or taken for a class, show nothing
# A class's own photos are counted together with as many answers of all classes (m-estimate, Cestnik 1990, "Estimating
# probabilities"). Without them the threshold is chosen where chance flattered: drawn from known probabilities, 150
# photos of 10 classes kept 85 % of 90 % promised on new photos, with them 89 %.
PRIOR = 20
ROUNDING = 1e-9

Shares = NDArray[np.float64]


@dataclass(frozen=True)
class Chosen:
    """A threshold for each class, in the order of the outputs.

    `scarce` are classes with fewer than LEAST_PHOTOS photos taken for them, which have the threshold of all classes
    together. Of classes in `unreached` no threshold keeps the promise: they have the one that keeps most right.
    """

    values: tuple[float, ...]
    scarce: tuple[int, ...]
    unreached: tuple[int, ...]


@dataclass(frozen=True)
class _Lowest:
    threshold: float
    reached: bool


def choose_thresholds(probabilities: Probabilities, truth: Indices, precision: float) -> Chosen:
    """The lowest thresholds above which at least `precision` of the answers are right.

    `probabilities` (photos, classes) are after temperature, of photos that the model was not trained on, `truth` their
    classes, (photos,). A threshold lies halfway between the confidences of two photos, so that no photo stands on it.
    Thresholds above the lowest may miss the promise by chance, since fewer photos are above them: that is not asked.
    One that fewer than LEAST_PHOTOS are above is not taken. Raises DataError without photos.
    """
    if not len(truth):
        raise DataError("thresholds need at least one photo, found none")
    taken, sure = probabilities.argmax(axis=1), probabilities.max(axis=1).astype(np.float64)
    right, levels = taken == truth, _levels(sure)
    answered, hits = _above(levels, sure, right)
    of_all = hits / answered
    common = _lowest(levels, of_all, precision)

    def of_class(own: NDArray[np.bool_]) -> _Lowest:
        answered, hits = _above(levels, sure[own], right[own])
        return _lowest(levels, (hits + PRIOR * of_all) / (answered + PRIOR), precision)

    classes = [taken == index for index in range(probabilities.shape[1])]
    scarce = tuple(index for index, own in enumerate(classes) if own.sum() < LEAST_PHOTOS)
    found = [common if index in scarce else of_class(own) for index, own in enumerate(classes)]
    unreached = tuple(index for index, one in enumerate(found) if not one.reached)
    return Chosen(tuple(one.threshold for one in found), scarce, unreached)


def answers(probabilities: Probabilities, thresholds: tuple[float, ...]) -> NDArray[np.bool_]:
    """Which photos get an answer: (photos, classes) to (photos,)."""
    of_best = np.asarray(thresholds)[probabilities.argmax(axis=1)]
    return np.asarray(probabilities.max(axis=1) > of_best)


def _levels(sure: Shares) -> Shares:
    """Every threshold that differs in what it answers, ascending, and answers enough photos to judge it by."""
    found = np.unique(sure)
    levels = np.concatenate([[ALWAYS], (found[1:] + found[:-1]) / 2])
    surest = np.sort(sure)[-min(LEAST_PHOTOS, len(sure))]
    return np.asarray(levels[levels < surest])


def _above(levels: Shares, sure: Shares, right: NDArray[np.bool_]) -> tuple[Indices, Indices]:
    """How many photos are above each level, and how many of these are right."""
    order = np.argsort(sure)
    below = np.searchsorted(sure[order], levels, side="right")
    hits = np.concatenate([[0], right[order].cumsum()])
    return len(sure) - below, hits[-1] - hits[below]


def _lowest(levels: Shares, share: Shares, precision: float) -> _Lowest:
    """The lowest level that keeps the promise, else the highest of those that keep most right."""
    kept = share >= precision - ROUNDING
    if kept.any():
        return _Lowest(float(levels[kept.argmax()]), reached=True)
    return _Lowest(float(levels[share >= share.max() - ROUNDING][-1]), reached=False)
