"""Pictures of one size with their labels, on the way from an author's files to IDX files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgecls.errors import DataError
from edgecls.idx import write_idx
from edgecls.metrics import Indices
from edgecls.preprocess import Pixels
from edgecls.samples.known import KnownData


@dataclass(frozen=True)
class Labelled:
    """`pixels`: uint8, grey (n, h, w) or RGB (n, h, w, 3). `numbers`: the class of each, from 0, (n,)."""

    pixels: Pixels
    numbers: Indices


@dataclass(frozen=True)
class Arrays:
    """A data set in memory; `labels` name the classes in the order of their numbers."""

    labels: tuple[str, ...]
    train: Labelled
    test: Labelled

    def write(self, known: KnownData, folder: Path) -> None:
        """Write the IDX files and labels.txt. Raises DataError when they are not what is known of the set."""
        self._check_labels(known)
        names = iter(known.idx_files().items())
        for labelled in (self.train, self.test):
            for values in (labelled.pixels, labelled.numbers):
                name, shape = next(names)
                if values.shape != shape:
                    raise DataError(
                        f"{known.name}: expected {_times(shape)} for {name}, found {_times(values.shape)}; "
                        "fetch the whole data set again"
                    )
                write_idx(folder / name, values.astype(np.uint8, copy=False))
        (folder / "labels.txt").write_text("".join(f"{label}\n" for label in self.labels), encoding="utf-8")

    def _check_labels(self, known: KnownData) -> None:
        highest = 1 + max(int(part.numbers.max(initial=0)) for part in (self.train, self.test))
        if len(self.labels) != known.classes or highest > known.classes:
            found = max(len(self.labels), highest)
            raise DataError(f"{known.name}: expected {known.classes} classes, found {found}; fetch it again")


def find_file(folder: Path, *names: str) -> Path:
    """The file of one of these names that lies highest below `folder`. Raises DataError when there is none."""
    found = optional_file(folder, *names)
    if found is None:
        raise DataError(f"expected {' or '.join(names)} in it, found none; bring the whole data set")
    return found


def optional_file(folder: Path, *names: str) -> Path | None:
    """As `find_file`, but None when there is none."""
    found = [path for name in names for path in folder.rglob(name) if path.is_file()]
    return min(found, key=lambda path: (len(path.parts), names.index(path.name), path), default=None)


def read_records(path: Path, width: int) -> Pixels:
    """A file of records of `width` bytes as (n, width). Raises DataError when it ends within one."""
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DataError(f"{path.name}: cannot be read ({error.strerror}); check its permissions") from error
    if not len(data) or len(data) % width:
        raise DataError(
            f"{path.name}: expected records of {width} bytes, found {len(data)} bytes; fetch it again"
        )
    return data.reshape(-1, width)


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(str(length) for length in shape)
