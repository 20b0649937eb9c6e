"""The catalogue: every data set edgecls knows, and whether one is there already."""

from __future__ import annotations

import math
from pathlib import Path

from edgecls.errors import UsageError
from edgecls.files import sha256_file
from edgecls.images import is_photo
from edgecls.samples.folder_sets import FOLDER_SETS
from edgecls.samples.idx_sets import IDX_SETS
from edgecls.samples.known import KnownData

_ORDER = ("mnist", "fashion-mnist", "cifar10", "groceries")
_LISTED = {known.name: known for known in (*IDX_SETS, *FOLDER_SETS)}

CATALOGUE = tuple(
    [_LISTED[name] for name in _ORDER] + [known for name, known in _LISTED.items() if name not in _ORDER]
)


def find_known(name: str) -> KnownData:
    """The data set of that name. Raises UsageError, with the names there are."""
    if name not in _LISTED:
        raise UsageError(
            f"expected one of {', '.join(k.name for k in CATALOGUE)}, found {name!r}; choose one"
        )
    return _LISTED[name]


def is_there(known: KnownData, folder: Path) -> bool:
    """Say whether the data set lies in `folder`, by the names and sizes of its files alone.

    Of photos one in a folder of its own is enough: they come whole or not at all.
    """
    if not folder.is_dir():
        return False
    if not known.shape:
        return any(
            any(map(is_photo, entry.rglob("*")))
            for entry in folder.iterdir()
            if entry.is_dir() and not entry.name.startswith(".")
        )
    if not (folder / "labels.txt").is_file():
        return False
    return all(_has_size(folder / name, shape) for name, shape in known.idx_files().items())


def first_fault(known: KnownData, folder: Path) -> str:
    """Name the first file whose bytes are not those that are known, expected and found; "" when all are."""
    for name, expected in known.digests:
        found = sha256_file(folder / name)
        if found != expected:
            return f"{name}: expected sha256 {expected}, found {found}"
    return ""


def _has_size(path: Path, shape: tuple[int, ...]) -> bool:
    return path.is_file() and path.stat().st_size == 4 + 4 * len(shape) + math.prod(shape)
