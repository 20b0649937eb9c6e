"""Temperature: the one number that makes a model's probabilities as sure as they are right.

Guo et al. 2017, "On Calibration of Modern Neural Networks": the logits are divided by T, which changes no answer. T
minimises the cross-entropy on photos that the model was not trained on. Where all of those are answered rightly that
would make every answer certain, so the targets are Platt's (1999, "Probabilistic Outputs for Support Vector Machines"):
of n photos the true class gets (n + 1) / (n + 2), the others share the rest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import DataError
from edgecls.metrics import Indices, Probabilities
from edgecls.prediction import apply_temperature

LOWEST, HIGHEST = 0.2, 10.0
LEAST_PROBABILITY = 1e-12  # what a probability of zero is taken for where its logarithm is wanted
CHI_SQUARE_95 = 3.841
STEPS = 50  # halvings; far below what float32 tells apart


def fit_temperature(probabilities: Probabilities, truth: Indices) -> float:
    """The temperature for probabilities (n, classes) of photos whose classes are `truth`, (n,).

    Raises DataError without photos. The cross-entropy is convex in 1 / T, so its slope is halved down to 0.
    """
    if not len(truth):
        raise DataError("a temperature needs at least one photo, found none")
    logits = np.log(np.maximum(probabilities.astype(np.float64), LEAST_PROBABILITY))
    wanted = (_targets(truth, logits.shape[1]) * logits).sum(axis=1).mean()
    low, high = 1 / HIGHEST, 1 / LOWEST
    for _ in range(STEPS):
        sharpness = (low + high) / 2
        if _expected_logit(logits, sharpness) < wanted:
            low = sharpness
        else:
            high = sharpness
    return float(2 / (low + high))


def cautious_temperature(probabilities: Probabilities, truth: Indices, fitted: float) -> float:
    """The temperature nearest to 1 that the photos do not speak against; `fitted` is the one that fits best.

    An end of the 95 % confidence interval of the likelihood ratio test (Wilks 1938), or 1 when that lies within: few
    photos of a few scenes change little, many change what they show.
    """
    least = _fit(probabilities, truth, fitted) - CHI_SQUARE_95 / 2
    if _fit(probabilities, truth, 1.0) >= least:
        return 1.0
    within, without = fitted, 1.0
    for _ in range(STEPS):
        middle = (within + without) / 2
        if _fit(probabilities, truth, middle) >= least:
            within = middle
        else:
            without = middle
    return within


def _fit(probabilities: Probabilities, truth: Indices, temperature: float) -> float:
    return _log_likelihood(apply_temperature(probabilities, temperature), truth)


def _log_likelihood(probabilities: Probabilities, truth: Indices) -> float:
    right = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return float(np.log(np.maximum(right, LEAST_PROBABILITY)).sum())


def _targets(truth: Indices, classes: int) -> NDArray[np.float64]:
    rest = 1 / (len(truth) + 2)
    targets = np.full((len(truth), classes), rest / max(1, classes - 1))
    targets[np.arange(len(truth)), truth] = 1 - rest
    return targets


def _expected_logit(logits: NDArray[np.float64], sharpness: float) -> float:
    """Mean over photos of the logit that the sharpened probabilities expect."""
    powers = np.exp(sharpness * (logits - logits.max(axis=1, keepdims=True)))
    return float(((powers * logits).sum(axis=1) / powers.sum(axis=1)).mean())
