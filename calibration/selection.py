"""Choosing the photos whose activations give the ranges of int8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgecls.calibration.checks import find_poor, require_pictures
from edgecls.calibration.diversity import choose_diverse, thumbnails, without_near_duplicates
from edgecls.data import Loaded, load_pixels
from edgecls.errors import DataError
from edgecls.files import digest_json
from edgecls.photos import Photo
from edgecls.preprocess import Preprocess
from edgecls.progress import Tick
from edgecls.splits import draw_stratified

COUNT = 200
MIN_COUNT = 10
POOL = 3  # times as many photos are looked at as are chosen


@dataclass(frozen=True)
class CalibrationSet:
    """Chosen photos with their pixels, in seeded order, and a sentence for each thing that is poor about them.

    `near_duplicates` photos were left out because another of the set shows nearly the same.
    """

    loaded: Loaded
    seed: int
    near_duplicates: int
    warnings: tuple[str, ...]

    @property
    def photos(self) -> tuple[Photo, ...]:
        return self.loaded.photos

    @property
    def digest(self) -> str:
        """Names the set, whatever its order."""
        return digest_json(sorted(photo.digest for photo in self.photos))


def choose_calibration(
    train: Sequence[Photo],
    preprocess: Preprocess,
    labels: Sequence[str],
    *,
    count: int = COUNT,
    seed: int = 0,
    tick: Tick | None = None,
) -> CalibrationSet:
    """Choose `count` photos of the training split: a fair draw of each class first, then what differs most from it.

    Raises DataError when there are fewer than MIN_COUNT photos, or when they are all black or all alike.
    """
    if len(train) < MIN_COUNT:
        raise DataError(
            f"calibration needs at least {MIN_COUNT} training photos, found {len(train)}; add photos and train again"
        )
    pool = load_pixels(draw_stratified(list(train), POOL * count, seed=seed), preprocess, tick)
    features = thumbnails(pool.pixels)
    require_pictures(pool.pixels, features)
    distinct = without_near_duplicates(features)
    chosen = distinct[choose_diverse(features[distinct], pool.truth[distinct], count)]
    kept = Loaded(
        pool.pixels[chosen], pool.truth[chosen], tuple(pool.photos[i] for i in chosen), pool.problems
    )
    return CalibrationSet(
        kept, seed, len(features) - len(distinct), find_poor(kept.pixels, kept.truth, labels)
    )
