"""Opening labelled photos, whatever their layout, and loading their pixels."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgecls.errors import DataError, UsageError
from edgecls.folder_tree import read_folder_tree, read_tree_splits
from edgecls.idx import has_idx_files, read_idx_folder, read_idx_splits
from edgecls.metrics import Indices
from edgecls.photos import SPLITS, DataSet, Photo, Problem
from edgecls.preprocess import Pixels, Preprocess
from edgecls.progress import Tick

IN_MEMORY_BYTES = 2 << 30  # above this, pixels live in a temporary file and the system's page cache
THREADS = 4


@dataclass(frozen=True)
class Loaded:
    """Pixels of the photos that could be read.

    `pixels`: uint8 RGB, (n, h, w, 3). `truth`: int64, (n,). `photos`: the n photos, in order.
    """

    pixels: Pixels
    truth: Indices
    photos: tuple[Photo, ...]
    problems: tuple[Problem, ...]

    def __len__(self) -> int:
        return len(self.photos)


@dataclass(frozen=True)
class Counts:
    """How many photos each split has as it lies on disk (0: it is drawn when training begins), and of how many classes.

    `left_out` are those that training does not see: they stand twice, or cannot be used.
    """

    train: int
    validation: int
    test: int
    classes: int
    left_out: int


def count_photos(root: Path) -> Counts:
    """Count what `open_data` reads, before splits are drawn from others. Raises what `open_data` raises."""
    with _reading(root):
        read = read_idx_splits if has_idx_files(root) else read_tree_splits
        labels, splits, problems = read(root)
    train, validation, test = (len(splits.get(split, ())) for split in SPLITS)
    return Counts(train, validation, test, classes=len(labels), left_out=len(problems))


def open_data(root: Path, *, seed: int = 0, validation: float | None = None) -> DataSet:
    """Read a class-per-folder tree or a folder of IDX files; `validation` is the share to hold out for validation.

    Raises UsageError when `root` is no folder, or has a validation split and a share is asked for; DataError when
    what it holds cannot train a classifier or cannot be read.
    """
    with _reading(root):
        if not root.is_dir():
            raise UsageError(
                f"{root}: expected a folder with one sub-folder of photos for each class, found none; check the path"
            )
        if has_idx_files(root):
            return read_idx_folder(root, seed=seed, validation=validation)
        return read_folder_tree(root, seed=seed, validation=validation)


@contextmanager
def _reading(root: Path) -> Iterator[None]:
    """A folder that cannot be listed is one sentence; a photo that cannot be read is left out elsewhere."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{error.filename or root}: cannot be read ({error.strerror}); check its permissions"
        ) from error


def load_pixels(photos: Sequence[Photo], preprocess: Preprocess, tick: Tick | None = None) -> Loaded:
    """Decode and preprocess photos. One that cannot be read becomes a problem, the others are kept.

    `tick(done, total)` is called as photos are read. Raises DataError when none can be read, and PhotoChangedError
    when one is no longer what it was when the data set was opened.
    """
    pixels = _allocate((len(photos), preprocess.height, preprocess.width, 3))
    kept: list[Photo] = []
    problems: list[Problem] = []

    def read(photo: Photo) -> Pixels | str:
        try:
            return preprocess.apply(photo.read())
        except DataError as error:
            return str(error)

    with ThreadPoolExecutor(THREADS) as pool:
        for done, (photo, picture) in enumerate(zip(photos, pool.map(read, photos), strict=True), start=1):
            if isinstance(picture, str):
                problems.append(Problem(photo.name, picture))
            else:
                pixels[len(kept)] = picture
                kept.append(photo)
            if tick and (done % 16 == 0 or done == len(photos)):
                tick(done, len(photos))
    if not kept:
        reason = problems[0].reason if problems else "there are none"
        raise DataError(f"none of {len(photos)} photos could be read: {reason}")
    truth = np.array([photo.label for photo in kept], np.int64)
    return Loaded(pixels[: len(kept)], truth, tuple(kept), tuple(problems))


def _allocate(shape: tuple[int, ...]) -> Pixels:
    if int(np.prod(shape)) <= IN_MEMORY_BYTES:
        return np.empty(shape, np.uint8)
    return np.memmap(tempfile.TemporaryFile(), np.uint8, "w+", shape=shape)
