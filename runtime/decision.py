"""Decision: from the probabilities of one frame to what is said about it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import ModelError
from edgecls.labels import Labels
from edgecls.prediction import Prediction, predict


class Decision(Protocol):
    """Makes one Prediction a frame, in the order of the frames."""

    def decide(self, probabilities: NDArray[np.float32]) -> Prediction:
        """Probabilities, float32 of shape (classes,), to a Prediction. Raises ModelError for NaN."""
        ...


@dataclass(frozen=True)
class FrameByFrame:
    """Judges each frame by itself: temperature, then "unknown" unless above the threshold of the best label."""

    labels: Labels
    temperature: float = 1.0
    thresholds: Sequence[float] = ()
    top_k: int = 5

    def decide(self, probabilities: NDArray[np.float32]) -> Prediction:
        if not 0 < sum(probabilities.tolist()) < math.inf:
            raise ModelError(
                "the model gave scores that are no probabilities (NaN, infinite or all zero); export it again"
            )
        return predict(
            probabilities,
            self.labels,
            top_k=self.top_k,
            temperature=self.temperature,
            thresholds=self.thresholds,
        )
