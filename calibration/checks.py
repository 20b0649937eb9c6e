"""Checks of the calibration photos: an error where ranges from them are worthless, a warning where they are poor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgecls.calibration.diversity import NEAR, Thumbnails, distances
from edgecls.errors import DataError
from edgecls.metrics import Indices
from edgecls.preprocess import Pixels

FEW = 50
BLACK = 8  # of 255: no pixel is brighter
HALVES = 0.2  # ranges of two halves that differ by more come from single photos
FLAT = 8.0  # of 255: standard deviation of all pixels


def require_pictures(pixels: Pixels, features: Thumbnails) -> None:
    """Raise DataError when photos, uint8 RGB (n, h, w, 3), with these thumbnails are all black or all alike."""
    if pixels.max() <= BLACK:
        raise DataError(
            f"calibration photos: expected pictures, found all {len(pixels)} black (no pixel above {BLACK} of 255); "
            "check how the photos were taken"
        )
    if len(features) > 1 and distances(features, features[0]).max() < NEAR:
        raise DataError(
            f"calibration photos: expected different pictures, found all {len(pixels)} alike; "
            "add photos of what the camera will see and train again"
        )


def find_poor(pixels: Pixels, classes: Indices, labels: Sequence[str]) -> tuple[str, ...]:
    """A sentence for each thing that makes ranges poor: few photos, classes that are missing, no contrast.

    `pixels`: uint8 RGB, (n, h, w, 3); `classes`: (n,), of `labels`.
    """
    present = {int(i) for i in np.unique(classes)}
    absent = [label for i, label in enumerate(labels) if i not in present]
    found = []
    if len(pixels) < FEW:
        found.append(f"{len(pixels)} photos are few, ranges settle from {FEW} on")
    if absent:
        found.append(f"no photo of {', '.join(absent)}")
    contrast = pixels[:, ::4, ::4].std()  # of all, it would be a copy in float64
    if contrast < FLAT:
        found.append(f"hardly any contrast (standard deviation {contrast:.1f} of 255)")
    return tuple(found)


def find_unsettled(halves: float) -> tuple[str, ...]:
    """A sentence when the ranges of two halves of the photos differ much; `halves` as in Ranges."""
    if halves <= HALVES:
        return ()
    return (
        f"ranges from two halves of the photos differ by {100 * halves:.0f} % on average: a few photos make the largest "
        "activations, and int8 pays for them with steps",
    )
