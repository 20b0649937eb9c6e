"""Prediction: what one picture was taken for, and how surely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import ModelError
from edgecls.labels import Labels

LEAST_TEMPERATURE, MOST_TEMPERATURE = 0.05, 100.0  # beyond, float32 probabilities become zeros or all alike


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


def check_temperature(temperature: float, owner: str) -> None:
    """Raise ModelError for a temperature that is none, as one changed by hand."""
    if not LEAST_TEMPERATURE <= temperature <= MOST_TEMPERATURE:
        raise ModelError(
            f"{owner}: expected a temperature of {LEAST_TEMPERATURE:g} to {MOST_TEMPERATURE:g}, found {temperature:g}; "
            "make it anew with: edgecls export"
        )


def apply_temperature(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Soften (above 1) or sharpen (below 1) probabilities of shape (..., classes).

    Temperature scaling as in Guo et al. 2017, "On Calibration of Modern Neural Networks": softmax of the logits divided
    by T. As a probability is a power of e up to a factor, that is its power 1/T, normalised.
    """
    if temperature == 1.0:
        return probabilities
    # In few steps of numpy: after an engine has emptied the caches each one costs 10 us.
    powers = probabilities ** (1 / temperature)
    return np.asarray(powers / np.add.reduce(powers, axis=-1, keepdims=True), np.float32)


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
    names, values = labels.names, scores.tolist()
    order = sorted(range(len(values)), key=values.__getitem__, reverse=True)[:top_k]
    best = order[0]
    confidence = values[best]
    return Prediction(
        index=best,
        label=names[best],
        confidence=confidence,
        unknown=bool(thresholds) and not confidence > thresholds[best],
        top=tuple((names[i], values[i]) for i in order),
        scores=scores,
    )
