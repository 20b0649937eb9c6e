"""Choosing the photos whose activations give the ranges of int8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgecls.errors import DataError
from edgecls.files import digest_json
from edgecls.photos import Photo
from edgecls.splits import draw_stratified

COUNT = 200
MIN_COUNT = 10


@dataclass(frozen=True)
class CalibrationSet:
    """Photos drawn for calibration, in seeded order, and the digest that names the set."""

    photos: tuple[Photo, ...]
    seed: int

    @property
    def digest(self) -> str:
        return digest_json(sorted(photo.digest for photo in self.photos))


def draw_calibration(train: Sequence[Photo], *, count: int = COUNT, seed: int = 0) -> CalibrationSet:
    """Draw about `count` photos from the training split, stratified by class.

    Raises DataError when there are fewer than MIN_COUNT photos to draw from.
    """
    if len(train) < MIN_COUNT:
        raise DataError(
            f"calibration needs at least {MIN_COUNT} training photos, found {len(train)}; add photos and train again"
        )
    return CalibrationSet(tuple(draw_stratified(list(train), count, seed=seed)), seed)
