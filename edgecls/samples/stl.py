"""Reading STL-10's binary files (https://cs.stanford.edu/~acoates/stl10/): planes, column by column, classes from 1."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgecls.errors import DataError
from edgecls.samples.arrays import Arrays, Labelled, find_file, read_records
from edgecls.samples.known import KnownData

PATTERNS = ("train_?.bin", "test_?.bin")
_SIDE = 96


def read_stl10(folder: Path, known: KnownData) -> Arrays:
    """Read the labelled training and test pictures. Raises DataError when a file is amiss."""
    return Arrays(known.labels, _split(folder, "train"), _split(folder, "test"))


def _split(folder: Path, split: str) -> Labelled:
    planes = read_records(find_file(folder, f"{split}_X.bin"), 3 * _SIDE * _SIDE).reshape(-1, 3, _SIDE, _SIDE)
    numbers = read_records(find_file(folder, f"{split}_y.bin"), 1)[:, 0].astype(np.int64)
    if numbers.min() < 1:
        raise DataError(f"{split}_y.bin: expected classes from 1, found {numbers.min()}; fetch it again")
    return Labelled(np.ascontiguousarray(planes.transpose(0, 3, 2, 1)), numbers - 1)
