"""Confidence: a temperature from photos that neither trained nor test, and what it does on the test photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgecls.calibration.temperature import cautious_temperature, fit_temperature
from edgecls.data import Loaded
from edgecls.export.judging import Judgement, Tested
from edgecls.manifest import Confidence, int8_first
from edgecls.metrics import calibration_error
from edgecls.photos import Photo
from edgecls.prediction import apply_temperature

# The temperature of fewer photos is a guess: one wrong answer more or less moves it by a tenth.
LEAST_PHOTOS = 30


@dataclass(frozen=True)
class Fitted:
    """A temperature, the file whose probabilities it was fitted on, and the words that say on which photos."""

    temperature: float
    file: str
    words: str


def fit_confidence(judgement: Judgement, gate: Loaded, validation: Sequence[Photo]) -> Fitted:
    """Fit on the validation photos among the gate's; those the network was trained on would make it too sure."""
    main = min(judgement.passed, key=lambda p: int8_first(p.candidate.format, p.candidate.precision))
    held_out = {photo.digest for photo in validation}
    chosen = np.array([photo.digest in held_out for photo in gate.photos])
    key = f"{main.candidate.format} {main.candidate.precision}"
    if chosen.sum() < LEAST_PHOTOS:
        words = f"not fitted: {chosen.sum()} validation photos are fewer than {LEAST_PHOTOS}"
        return Fitted(1.0, main.candidate.path.name, words)
    answers, truth = main.probabilities[chosen], gate.truth[chosen]
    best = fit_temperature(answers, truth)
    temperature = cautious_temperature(answers, truth, best)
    words = f"{chosen.sum()} validation photos, {key}; {best:.2f} fits them best, this is as near to 1 as they allow"
    return Fitted(temperature, main.candidate.path.name, words)


def measure_confidence(fitted: Fitted, tested: Tested) -> Confidence:
    """What the temperature does to the calibration error on the test photos."""
    probabilities = tested.probabilities[fitted.file]
    scaled = apply_temperature(probabilities, fitted.temperature)
    before, after = (calibration_error(found, tested.truth) for found in (probabilities, scaled))
    return Confidence(fitted.temperature, fitted.words, error_before=before, error=after)
