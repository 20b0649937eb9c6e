"""Diversity: of many photos, those that together show most of what the network will see.

Ranges are set by what is rare, means by what is common. So half of a calibration set is a fair draw, and the other half
are photos far from all chosen before: greedy k-centre (Gonzalez 1985, "Clustering to minimize the maximum intercluster
distance"; Sener and Savarese 2018 chose photos to label that way), on small pictures of the photos.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecls.metrics import Indices
from edgecls.preprocess import Pixels

SIDE = 8  # pixels of a thumbnail
# Thumbnails that differ by less than this, of 255, as a root mean square: the same scene a moment later.
NEAR = 4.0
EXTREMES = 0.02  # of the photos asked for: so many of the darkest, and of the brightest

Thumbnails = NDArray[np.float32]


def thumbnails(pixels: Pixels) -> Thumbnails:
    """Photos, uint8 RGB (n, h, w, 3), as float32 (n, SIDE * SIDE * 3)."""
    small = [cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for picture in pixels]
    return np.asarray(small, np.float32).reshape(len(small), -1)


def without_near_duplicates(features: Thumbnails) -> Indices:
    """Positions of the photos that are not nearly one before them."""
    kept: list[int] = []
    for position, feature in enumerate(features):
        if not kept or distances(features[kept], feature).min() >= NEAR:
            kept.append(position)
    return np.array(kept, np.int64)


def choose_diverse(features: Thumbnails, classes: Indices, count: int) -> Indices:
    """Positions of `count` of the photos, which are in random order; of all when there are no more.

    The first half as they come, then the darkest and the brightest, then from each class in turn the photo farthest
    from all that are chosen.
    """
    if len(features) <= count:
        return np.arange(len(features))
    chosen = Chosen(features)
    for position in [*range(count // 2), *_extremes(features, count)]:
        chosen.take(position)
    present = np.unique(classes)
    turn = 0
    while len(chosen.positions) < count:
        chosen.take_farthest(classes == present[turn % len(present)])
        turn += 1
    return np.array(chosen.positions[:count], np.int64)


class Chosen:
    """Photos chosen so far, and how far every photo is from the nearest of them."""

    def __init__(self, features: Thumbnails) -> None:
        self.positions: list[int] = []
        self._features = features
        self._nearest = np.full(len(features), np.inf)

    def take(self, position: int) -> None:
        """Choose a photo, unless it is chosen already."""
        if position not in self.positions:
            self.positions.append(position)
            self._nearest = np.minimum(self._nearest, distances(self._features, self._features[position]))

    def take_farthest(self, among: NDArray[np.bool_]) -> None:
        """Choose the photo of `among`, (n,), farthest from all chosen; none when all of them are chosen."""
        there = np.where(among, self._nearest, -1.0)
        there[self.positions] = -1.0
        position = int(there.argmax())
        if there[position] >= 0:
            self.take(position)


def distances(features: Thumbnails, feature: NDArray[np.float32]) -> NDArray[np.float32]:
    """Root mean square difference of each of `features`, (n, numbers), from one, in pixel values."""
    return np.asarray(np.sqrt(((features - feature) ** 2).mean(axis=1)), np.float32)


def _extremes(features: Thumbnails, count: int) -> list[int]:
    by_brightness = np.argsort(features.mean(axis=1), kind="stable")
    each = max(1, int(EXTREMES * count))
    return [int(i) for i in (*by_brightness[:each], *by_brightness[::-1][:each])]
