"""The photos of a study: the same for every network and regime, so that their answers can be paired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from edgecls.data import open_data
from edgecls.errors import DataError
from edgecls.photos import SPLITS, DataSet, Photo, check_classes
from edgecls.samples.catalogue import CATALOGUE
from edgecls.splits import draw_stratified

SEED = 0  # of split and draw; a cell's own seed drives initialisation and order alone


def open_limited(name: str, root: Path, limits: Mapping[str, int]) -> DataSet:
    """The data set under `root` as `name`, with at most `limits[split]` photos of each split that is named.

    The last one opened is kept: cells that follow one another mostly share it. Raises DataError when it is absent
    or too small, naming the command that fetches it where there is one.
    """
    return _open(name, root, tuple(sorted(limits.items())))


@lru_cache(maxsize=1)
def _open(name: str, root: Path, limits: tuple[tuple[str, int], ...]) -> DataSet:
    if not root.is_dir():
        raise DataError(f"{root}: expected the photos of data set '{name}', found no folder; {_remedy(root)}")
    whole = open_data(root, seed=SEED)
    wanted = dict(limits)
    drawn = {split: _draw(whole, split, wanted.get(split)) for split in SPLITS}
    return check_classes(
        replace(whole, train=drawn["train"], validation=drawn["validation"], test=drawn["test"])
    )


def _remedy(root: Path) -> str:
    """What to do for an absent folder: a study may call the data as it likes, the catalogue knows the folder's name."""
    known = root.name
    if known not in {each.name for each in CATALOGUE}:
        return "put them there, a folder for each class, or correct the study's path"
    return f"fetch them with: edgecls data fetch {known}, or see: edgecls data show {known}"


def _draw(dataset: DataSet, split: str, limit: int | None) -> tuple[Photo, ...]:
    photos = dataset.split(split)
    return photos if limit is None else tuple(draw_stratified(list(photos), limit, seed=SEED))
