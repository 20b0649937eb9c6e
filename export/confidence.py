"""Confidence: a temperature from photos that neither trained nor test, and what it does on the test photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgecls.calibration.temperature import cautious_temperature, fit_temperature
from edgecls.data import Loaded
from edgecls.export.judging import Judgement, Tested
from edgecls.manifest import Confidence, int8_first
from edgecls.metrics import Indices, Probabilities, calibration_error
from edgecls.photos import Photo
from edgecls.prediction import apply_temperature

# What is fitted on fewer photos is a guess: one wrong answer more or less moves a temperature by a tenth.
LEAST_PHOTOS = 30


@dataclass(frozen=True)
class HeldOut:
    """What the main variant says of the photos that confidence is fitted on.

    `file` and `key` name the variant, `probabilities` are (photos, classes), `truth` the photos' classes.
    """

    file: str
    key: str
    probabilities: Probabilities
    truth: Indices

    @property
    def words(self) -> str:
        return f"{len(self.truth)} validation photos, {self.key}"

    @property
    def lacking(self) -> str:
        """Why nothing is to be fitted on these, or ""."""
        few = len(self.truth) < LEAST_PHOTOS
        return f"{len(self.truth)} validation photos are fewer than {LEAST_PHOTOS}" if few else ""


@dataclass(frozen=True)
class Fitted:
    """A temperature, the file whose probabilities it was fitted on, and the words that say on which photos."""

    temperature: float
    file: str
    words: str


def hold_out(judgement: Judgement, gate: Loaded, validation: Sequence[Photo]) -> HeldOut:
    """The validation photos among the gate's; those the network was trained on would make it too sure."""
    main = min(judgement.passed, key=lambda p: int8_first(p.candidate.format, p.candidate.precision))
    digests = {photo.digest for photo in validation}
    chosen = np.array([photo.digest in digests for photo in gate.photos])
    return HeldOut(
        main.candidate.path.name, main.candidate.key, main.probabilities[chosen], gate.truth[chosen]
    )


def fit_confidence(held_out: HeldOut) -> Fitted:
    """The temperature nearest to 1 that the photos allow; 1 where they are too few to say."""
    if held_out.lacking:
        return Fitted(1.0, held_out.file, f"not fitted: {held_out.lacking}")
    best = fit_temperature(held_out.probabilities, held_out.truth)
    temperature = cautious_temperature(held_out.probabilities, held_out.truth, best)
    words = f"{held_out.words}; {best:.2f} fits them best, this is as near to 1 as they allow"
    return Fitted(temperature, held_out.file, words)


def measure_confidence(fitted: Fitted, tested: Tested) -> Confidence:
    """What the temperature does to the calibration error on the test photos."""
    probabilities = tested.probabilities[fitted.file]
    scaled = apply_temperature(probabilities, fitted.temperature)
    before, after = (calibration_error(found, tested.truth) for found in (probabilities, scaled))
    return Confidence(fitted.temperature, fitted.words, error_before=before, error=after)
