"""Thresholds: chosen on photos that neither trained nor test, and what they leave of the test photos."""

from __future__ import annotations

from dataclasses import dataclass

from edgecls.calibration.thresholds import ALWAYS, LEAST_PHOTOS, Chosen, answers, choose_thresholds
from edgecls.export.confidence import Fitted, HeldOut
from edgecls.export.judging import Tested
from edgecls.manifest import Thresholds
from edgecls.metrics import wilson
from edgecls.prediction import apply_temperature


@dataclass(frozen=True)
class FittedThresholds:
    """A threshold for each class, the share of right answers they are for, and the words that say on which photos."""

    values: tuple[float, ...]
    precision: float
    words: str


def fit_thresholds(held_out: HeldOut, fitted: Fitted, precision: float) -> FittedThresholds:
    """Thresholds above which at least `precision` of the answers are right; 0 where photos are too few to say."""
    if held_out.lacking:
        classes = held_out.probabilities.shape[1]
        words = f"not fitted, 0 for every class: {held_out.lacking}"
        return FittedThresholds((ALWAYS,) * classes, precision, words)
    probabilities = apply_temperature(held_out.probabilities, fitted.temperature)
    chosen = choose_thresholds(probabilities, held_out.truth, precision)
    words = "".join((held_out.words, _scarce(chosen), _unreached(chosen)))
    return FittedThresholds(chosen.values, precision, words)


def _scarce(chosen: Chosen) -> str:
    if not chosen.scarce:
        return ""
    share = f"{len(chosen.scarce)} of {len(chosen.values)} classes"
    return (
        f"; {share}, with fewer than {LEAST_PHOTOS} photos taken for them, have the threshold of all together"
    )


def _unreached(chosen: Chosen) -> str:
    if not chosen.unreached:
        return ""
    share = f"{len(chosen.unreached)} of {len(chosen.values)} classes"
    return f"; no threshold keeps so much right for {share}, which have the one that keeps most"


def measure_thresholds(thresholds: FittedThresholds, fitted: Fitted, tested: Tested) -> Thresholds:
    """What the thresholds leave of the test photos, and how much of that is right."""
    probabilities = apply_temperature(tested.probabilities[fitted.file], fitted.temperature)
    answered = answers(probabilities, thresholds.values)
    count = int(answered.sum())
    hits = int((probabilities.argmax(axis=1) == tested.truth)[answered].sum())
    return Thresholds(
        thresholds.values,
        thresholds.precision,
        thresholds.words,
        answered=wilson(count, len(answered)),
        right=wilson(hits, count) if count else None,
    )
