"""Prediction: what one picture was taken for, and how surely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgecls.labels import Labels

LEAST_PROBABILITY = 1e-12  # what a probability of zero is taken for where its logarithm is wanted


@dataclass(frozen=True)
class Prediction:
    """The best label of one picture and the runners-up.

    `confidence` is a probability after temperature; `unknown` says that it is not above the label's threshold.
    `top` holds (label, confidence), best first, `scores` the confidence of every class, float32 (classes,).
    """

    index: int
    label: str
    confidence: float
    unknown: bool
    top: tuple[tuple[str, float], ...]
    scores: NDArray[np.float32] = field(
        default_factory=lambda: np.zeros(0, np.float32), repr=False, compare=False
    )


def apply_temperature(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Soften (above 1) or sharpen (below 1) probabilities of shape (..., classes).

    Temperature scaling as in Guo et al. 2017, "On Calibration of Modern Neural Networks": softmax of the
    logits divided by T; the logarithm of a probability is its logit up to a constant.
    """
    if temperature == 1.0:
        return probabilities
    logits = np.log(np.maximum(probabilities, LEAST_PROBABILITY)) / temperature
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)


def predict(
    probabilities: NDArray[np.float32],
    labels: Labels,
    *,
    top_k: int = 5,
    temperature: float = 1.0,
    thresholds: Sequence[float] = (),
) -> Prediction:
    """Make a Prediction of one picture's probabilities, shape (classes,).

    `thresholds` has one for each label: 0 lets every answer through, 1 none. Without them every answer counts.
    """
    scores = apply_temperature(probabilities, temperature)
    order = (-scores).argsort(kind="stable")[:top_k]
    names, best = labels.names, int(order[0])
    # One step out of numpy for all of them: this runs for every frame.
    top = tuple((names[i], value) for i, value in zip(order.tolist(), scores[order].tolist(), strict=True))
    confidence = top[0][1]
    return Prediction(
        index=best,
        label=names[best],
        confidence=confidence,
        unknown=bool(thresholds) and not confidence > thresholds[best],
        top=top,
        scores=scores,
    )
