"""Photos of a file, a folder or a glob, in the same order on every machine."""

from __future__ import annotations

import glob
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from edgecls.errors import DataError
from edgecls.images import is_photo, natural_key, read_photo
from edgecls.runtime.sources.grammar import absent
from edgecls.runtime.sources.source import USUAL_FPS, Closing, Fault, Frame
from edgecls.runtime.timing import Clock, monotonic


def find_photos(uri: str) -> list[Path]:
    """The photos that a path or a glob names; a folder is searched with its visible sub-folders.

    A single file is taken whatever its suffix. Raises DataError when there is nothing or no photo in it.
    """
    path = Path(uri)
    if path.is_dir():
        return _in_folder(path)
    if path.exists():
        return [path]
    if glob.has_magic(uri):
        return _matching(uri)
    raise absent(uri)


def _in_folder(folder: Path) -> list[Path]:
    found = [path for path in folder.rglob("*") if _is_visible(path.relative_to(folder)) and is_photo(path)]
    photos = sorted((path for path in found if path.is_file()), key=natural_key)
    if not photos:
        raise DataError(f"{folder}: expected a folder with photos, found none in it; choose another folder")
    return photos


def _matching(pattern: str) -> list[Path]:
    matches = [Path(name) for name in glob.glob(pattern, recursive=True)]  # noqa: PTH207 - absolute patterns too
    photos = sorted((path for path in matches if is_photo(path) and path.is_file()), key=natural_key)
    if not photos:
        raise DataError(f"{pattern}: expected a pattern that photos fit, found none; check it, and quote it")
    return photos


def _is_visible(path: Path) -> bool:
    return not any(part.startswith(".") for part in path.parts)


class PhotoSource(Closing):
    """Photos one by one, none left out; one that cannot be read becomes a Fault and the others go on.

    Iterating raises DataError at the end when not one could be read.
    """

    live = False
    sequence = False
    fps = USUAL_FPS
    patience_s = float("inf")

    def __init__(self, photos: Sequence[Path], *, name: str, clock: Clock = monotonic) -> None:
        self.name = name
        self.faults: deque[Fault] = deque()
        self._photos = tuple(photos)
        self._clock = clock
        self._closed = False

    def __iter__(self) -> Iterator[Frame]:
        good = 0
        for index, path in enumerate(self._photos):
            if self._closed:
                return
            frame = self._read(index, path)
            if frame is not None:
                good += 1
                yield frame
        if not good:
            raise DataError(f"{self.name}: none of {len(self._photos)} photos could be read; replace them")

    def close(self) -> None:
        self._closed = True

    def _read(self, index: int, path: Path) -> Frame | None:
        try:
            return Frame(read_photo(path), index, self._clock(), path)
        except DataError as error:
            self.faults.append(Fault(str(error), index, path))
            return None
