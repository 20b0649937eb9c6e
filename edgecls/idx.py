"""IDX files read and written: the format of MNIST and its family (http://yann.lecun.com/exdb/mnist/, "FILE FORMATS")."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

from edgecls.errors import DataError
from edgecls.labels import Labels
from edgecls.names import slug
from edgecls.photos import DataSet, Photo, Problem, check_classes, photo_digest
from edgecls.preprocess import Pixels
from edgecls.splits import Splits, complete_splits, remove_duplicates

_UINT8 = 0x08
_PREFIXES = {"train": "train", "t10k": "test", "test": "test"}
FASHION = (
    "T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


def has_idx_files(root: Path) -> bool:
    """Say whether a folder holds IDX picture files."""
    return root.is_dir() and any(_pictures(root))


def read_idx_folder(root: Path, *, seed: int, validation: float | None = None) -> DataSet:
    """The splits of `read_idx_splits` as a DataSet; those that are not there are drawn by `complete_splits`."""
    labels, splits, problems = read_idx_splits(root)
    done = complete_splits(splits, labels, seed=seed, validation=validation)
    return check_classes(
        DataSet(
            slug(root.resolve().name),
            root,
            labels,
            tuple(done["train"]),
            tuple(done["validation"]),
            tuple(done["test"]),
            tuple(problems),
        )
    )


def read_idx_splits(root: Path) -> tuple[Labels, Splits, list[Problem]]:
    """Read train-images-idx3-ubyte[.gz] and its fellows: classes, the splits that are there, what is left out.

    Files named idx3 hold grey pictures (n, h, w), files named idx4 pictures in colour (n, h, w, RGB).
    The classes are named by a file labels.txt beside them (a line each), else 0, 1, 2, ...; a folder whose
    name holds "fashion" gets Fashion-MNIST's own names. Raises DataError when a file is missing or damaged.
    """
    splits: Splits = {}
    for pictures_path in _pictures(root):
        prefix = pictures_path.name.split("-")[0]
        labels_path = _labels_of(pictures_path)
        colour = "idx4" in pictures_path.name
        pictures = read_idx(pictures_path, dimensions=4 if colour else 3)
        numbers = read_idx(labels_path, dimensions=1)
        if not pictures.size:
            raise DataError(f"{pictures_path}: expected pictures, found none in it; fetch it again")
        if len(pictures) != len(numbers):
            raise DataError(
                f"{pictures_path}: expected as many labels as pictures, found {len(numbers)} and {len(pictures)}; "
                "fetch both files again"
            )
        splits[_PREFIXES[prefix]] = [
            Photo(f"{pictures_path.name}#{i}", int(number), photo_digest(picture.tobytes()), pixels=picture)
            for i, (picture, number) in enumerate(zip(pictures, numbers, strict=True))
        ]
    if "train" not in splits:
        raise DataError(f"{root}: expected train-images-idx3-ubyte, found only other IDX files; add it")
    classes = 1 + max(photo.label for photos in splits.values() for photo in photos)
    labels = _names(root, classes)
    return labels, *remove_duplicates(splits, labels)


def read_idx(path: Path, dimensions: int) -> Pixels:
    """Read one IDX file of uint8 with that many dimensions, gzip or plain. Raises DataError when damaged."""
    try:
        raw = path.read_bytes()
        data = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error}); fetch it again") from error
    header = 4 + 4 * dimensions
    if len(data) < header or data[:4] != bytes((0, 0, _UINT8, dimensions)):
        raise DataError(
            f"{path}: expected an IDX file of bytes in {dimensions} dimensions, found something else"
        )
    shape = struct.unpack(f">{dimensions}I", data[4:header])
    if len(data) - header != int(np.prod(shape)):
        raise DataError(
            f"{path}: expected {int(np.prod(shape))} bytes of data, found {len(data) - header}; fetch it again"
        )
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def write_idx(path: Path, values: Pixels) -> None:
    """Write uint8 `values` of any shape as a plain IDX file. Raises OSError, as files do."""
    header = bytes((0, 0, _UINT8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
    with path.open("wb") as file:
        file.write(header)
        file.write(np.ascontiguousarray(values, np.uint8).data)


def _pictures(root: Path) -> list[Path]:
    found = [
        p
        for p in sorted(root.iterdir())
        if "images" in p.name and ("idx3-ubyte" in p.name or "idx4-ubyte" in p.name)
    ]
    return [p for p in found if p.name.split("-")[0] in _PREFIXES]


def _labels_of(pictures: Path) -> Path:
    stem = (
        pictures.name.removesuffix(".gz")
        .replace("images", "labels")
        .replace("idx3", "idx1")
        .replace("idx4", "idx1")
    )
    for name in (stem, f"{stem}.gz"):
        if (pictures.parent / name).is_file():
            return pictures.parent / name
    raise DataError(f"{pictures}: expected its labels in {stem}[.gz] beside it, found none; add the file")


def _names(root: Path, classes: int) -> Labels:
    listed = root / "labels.txt"
    if listed.is_file():
        try:
            lines = listed.read_text(encoding="utf-8").splitlines()
        except ValueError as error:
            raise DataError(f"{listed}: expected text in UTF-8, found {error}; save it as UTF-8") from error
        names = tuple(line.strip() for line in lines if line.strip())
        if len(names) != classes:
            raise DataError(
                f"{listed}: expected {classes} names, found {len(names)}; one line for each class"
            )
        return Labels(names)
    if "fashion" in root.resolve().name.lower() and classes == len(FASHION):
        return Labels(FASHION)
    return Labels(tuple(str(i) for i in range(classes)))
