"""The gate: which variants are accurate enough to leave the workstation, judged on photos that are not the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgecls.manifest import Limits, Measurement
from edgecls.photos import DataSet, Photo
from edgecls.splits import shuffle_key

# With fewer validation photos than this, one photo is more than a quarter of a point: training photos that
# calibration did not see are added. They flatter the accuracy of every variant alike; the drop still shows.
GATE_PHOTOS = 400


@dataclass(frozen=True)
class GatePhotos:
    """The photos variants are judged on, and the words that say which they are."""

    photos: tuple[Photo, ...]
    description: str


def choose_gate_photos(dataset: DataSet, calibration: Sequence[Photo], *, seed: int) -> GatePhotos:
    """The validation photos, topped up to GATE_PHOTOS with training photos that are not the calibration's."""
    validation = dataset.validation
    lacking = GATE_PHOTOS - len(validation)
    if lacking <= 0:
        return GatePhotos(validation, f"{len(validation)} validation photos")
    seen = {photo.digest for photo in calibration}
    unseen = sorted((p for p in dataset.train if p.digest not in seen), key=lambda p: shuffle_key(p, seed))
    extra = tuple(unseen[:lacking])
    words = f"{len(validation)} validation and {len(extra)} training photos that calibration did not see"
    return GatePhotos(validation + extra, words)


def judge(measurement: Measurement, limits: Limits, labels: tuple[str, ...]) -> str:
    """The sentence that says why a variant fails the gate, or "" when it passes.

    One photo is within every limit but one of nothing at all: of a few photos it is always more than a limit allows.
    """
    found, photos = measurement.agreement, measurement.photos
    worst, lost = found.worst_class, found.n_decided - round(found.decided * found.n_decided)
    reasons = []
    if _photos(found.drop, found.n) > _allowed(limits.max_drop / 100, found.n):
        reasons.append(
            f"top-1 {100 * measurement.top1.value:.1f} % is {100 * found.drop:.1f} points below float, more than "
            f"--max-drop {limits.max_drop:g} allows"
        )
    if _photos(worst.drop, worst.n) > _allowed(limits.max_class_drop / 100, worst.n):
        reasons.append(
            f"'{labels[worst.index]}' loses {100 * worst.drop:.1f} points, {_photos(worst.drop, worst.n)} of {worst.n} "
            f"photos, more than --max-class-drop {limits.max_class_drop:g} allows"
        )
    if lost > _allowed(1 - limits.min_agreement, found.n_decided):
        reasons.append(
            f"{lost} of the {found.n_decided} photos that float decides get another answer, more than "
            f"--min-agreement {limits.min_agreement:g} allows"
        )
    return f"{', and '.join(reasons)} ({photos})" if reasons else ""


def _photos(share: float, n: int) -> int:
    return round(share * n)


def _allowed(share: float, n: int) -> int:
    """How many of n photos a limit lets go."""
    return max(1, int(share * n + 1e-9)) if share > 1e-9 else 0
