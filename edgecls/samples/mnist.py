"""Reading MNIST and Fashion-MNIST: four IDX files, plain or gzip, whatever their folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgecls.idx import read_idx
from edgecls.samples.arrays import Arrays, Labelled, find_file
from edgecls.samples.known import KnownData

PATTERNS = ("*-ubyte", "*-ubyte.gz")


def read_mnist(folder: Path, known: KnownData) -> Arrays:
    """Read the files under their home's names, or with a dot (train-images.idx3-ubyte) as some copies have it.

    Raises DataError when one is missing or damaged.
    """
    return Arrays(known.labels, _split(folder, "train"), _split(folder, "t10k"))


def _split(folder: Path, split: str) -> Labelled:
    pixels = read_idx(_file(folder, f"{split}-images", "idx3"), dimensions=3)
    numbers = read_idx(_file(folder, f"{split}-labels", "idx1"), dimensions=1)
    return Labelled(pixels, numbers.astype(np.int64))


def _file(folder: Path, stem: str, kind: str) -> Path:
    plain = f"{stem}-{kind}-ubyte"
    return find_file(folder, f"{plain}.gz", plain, f"{stem}.{kind}-ubyte")
