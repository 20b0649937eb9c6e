"""The gate: which variants are accurate enough to leave the workstation, judged on photos that are not the test."""

from __future__ import annotations

from dataclasses import dataclass

from edgecls.calibration.selection import CalibrationSet
from edgecls.manifest import Measurement
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


def choose_gate_photos(dataset: DataSet, calibration: CalibrationSet | None, *, seed: int) -> GatePhotos:
    """The validation photos, topped up to GATE_PHOTOS with training photos outside the calibration set."""
    validation = dataset.validation
    lacking = GATE_PHOTOS - len(validation)
    if lacking <= 0:
        return GatePhotos(validation, f"{len(validation)} validation photos")
    seen = {photo.digest for photo in calibration.photos} if calibration else set()
    unseen = sorted((p for p in dataset.train if p.digest not in seen), key=lambda p: shuffle_key(p, seed))
    extra = tuple(unseen[:lacking])
    words = f"{len(validation)} validation and {len(extra)} training photos that calibration did not see"
    return GatePhotos(validation + extra, words)


def judge(measurement: Measurement, max_drop: float) -> str:
    """The sentence that says why a variant fails the gate, or "" when it passes. `max_drop` in points."""
    drop = 100 * measurement.agreement.drop
    if drop <= max_drop + 1e-9:
        return ""
    return (
        f"top-1 {100 * measurement.top1.value:.1f} % is {drop:.1f} points below float, more than --max-drop "
        f"{max_drop:g} allows ({measurement.photos})"
    )
