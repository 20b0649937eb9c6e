"""Bringing in photos of class folders, however deep their archive hides them, or of a table with a folder of photos."""

from __future__ import annotations

import csv
import re
import shutil
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgecls.errors import DataError
from edgecls.folder_tree import SPLIT_NAMES
from edgecls.images import PHOTO_SUFFIXES, is_photo
from edgecls.progress import Tick
from edgecls.samples.known import KnownData

PATTERNS = (*(f"*{suffix}" for suffix in sorted(PHOTO_SUFFIXES)), "*.csv", "*_labels.txt")
_FOLDERS = {"train": "train", "validation": "val", "test": "test"}
_CLASS_NAME = re.compile(r"\w[\w .'()-]*")  # no more: it becomes a folder


@dataclass(frozen=True)
class _Photo:
    """A photo, its class, and where it shall lie below the data set's folder."""

    path: Path
    label: str
    place: Path


def arrange(source: Path, target: Path, *, known: KnownData, move: bool, tick: Tick | None = None) -> int:
    """Lay the photos below `source` out as TARGET/[SPLIT/]CLASS/photo; gives their number.

    They are moved, or copied when they are the user's own. Raises DataError when `source` holds no class
    folders, or other classes than those known.
    """
    photos = list(_in_folders(source, known) or _in_table(source, known))
    if not photos:
        raise DataError(f"{known.name}: expected class folders with photos, found none; {known.instructions}")
    _check_classes(known, {photo.label for photo in photos})
    for done, photo in enumerate(photos, start=1):
        place = target / photo.place
        place.parent.mkdir(parents=True, exist_ok=True)
        if move:
            photo.path.rename(place)
        else:
            _copy(photo.path, place)
        if tick and (done % 256 == 0 or done == len(photos)):
            tick(done, len(photos))
    return len(photos)


def _in_folders(source: Path, known: KnownData) -> list[_Photo]:
    splits = _find_splits(source)
    if splits and not known.classes:
        _check_left_over(source, splits)
    names = _renamed(source)
    photos = []
    for split, folder in splits.items():
        above = Path(_FOLDERS[split]) if len(splits) > 1 else Path()
        for class_folder in _class_folders(folder):
            label = names.get(class_folder.name, class_folder.name)
            photos += [
                _Photo(path, label, above / label / path.relative_to(class_folder))
                for path in _photos(class_folder)
            ]
    return photos


def _find_splits(source: Path) -> dict[str, Path]:
    """Split -> the folder that holds its class folders; of those highest up, since some archives hold all twice."""
    waiting = deque([source])
    while waiting:
        folder = waiting.popleft()
        below = _folders(folder)
        if "train" in (found := _splits_of(below)):
            return found
        if len(_class_folders(folder)) > 1:
            return {"train": folder}
        waiting.extend(below)
    return {}


def _splits_of(folders: list[Path]) -> dict[str, Path]:
    """Those of the folders that are named like splits and hold class folders: several, or some of training's."""
    named: dict[str, Path] = {}
    for folder in folders:
        split = SPLIT_NAMES.get(folder.name.lower())
        if split is None or not _folders(folder):
            continue
        if split in named:
            raise DataError(
                f"{folder.parent.name}: expected one folder for each split, found {named[split].name}/ and "
                f"{folder.name}/; keep one of them"
            )
        named[split] = folder
    train = _classes_below(named["train"], among=set()) if "train" in named else None
    if train is None:
        return {}
    classes = {child.name for child in _class_folders(train)}
    others = {
        split: _classes_below(folder, among=classes) for split, folder in named.items() if split != "train"
    }
    return {"train": train, **{split: folder for split, folder in others.items() if folder}}


def _classes_below(folder: Path, *, among: set[str]) -> Path | None:
    """The folder itself, or one of its own name inside it: Kaggle packs training/training/n0.

    A single folder is a class when it is one of those that are known: test/images/ is none.
    """
    names = {child.name for child in _class_folders(folder)}
    if len(names) > 1 or (names and names <= among):
        return folder
    inner = folder / folder.name
    return _classes_below(inner, among=among) if inner.is_dir() else None


def _check_left_over(source: Path, splits: dict[str, Path]) -> None:
    """Where nobody knows the classes, photos beside the class folders may be those of others: cars/MAKE/MODEL/photo.

    Photos in a folder that holds class folders, or that is named like a split, are of no class at all.
    """
    classes = {child for folder in splits.values() for child in _class_folders(folder)}
    above = {parent for folder in classes for parent in folder.parents}
    for path in _photos(source):
        folder = path.parent
        hidden = any(part.startswith(".") for part in path.relative_to(source).parts)
        if (
            hidden
            or folder in above
            or folder.name.lower() in SPLIT_NAMES
            or not classes.isdisjoint(path.parents)
        ):
            continue
        raise DataError(
            f"expected all photos in class folders side by side, found {min(classes).relative_to(source)}/ and, "
            f"elsewhere, {path.relative_to(source)}; lay the photos of each class into one folder, a test split "
            "beside a train folder, and move away what belongs to neither"
        )


def _class_folders(folder: Path) -> list[Path]:
    """The folders right below that hold photos themselves; one that holds only folders is no class."""
    return [child for child in _folders(folder) if any(is_photo(path) for path in child.iterdir())]


def _renamed(source: Path) -> dict[str, str]:
    """Folder -> class, from monkey_labels.txt: a table of label, Latin name, common name and counts."""
    listed = next(source.rglob("monkey_labels.txt"), None)
    if listed is None:
        return {}
    with _as_table(listed):
        rows = csv.reader(listed.read_text(encoding="utf-8", errors="replace").splitlines())
        cells = [[cell.strip() for cell in row] for row in rows]
    names = {row[0]: row[2] for row in cells if len(row) > 2 and row[0].startswith("n")}
    for name in names.values():
        if not _CLASS_NAME.fullmatch(name):
            raise DataError(f"{listed.name}: expected the name of a class, found {name!r}; correct the file")
    return names


def _in_table(source: Path, known: KnownData) -> list[_Photo]:
    """The photos that train.csv names with a category, a number from 1 or a name; those without are left out."""
    table = next(source.rglob("train.csv"), None)
    if table is None:
        return []
    paths = {path.name: path for path in _photos(table.parent)}
    photos, named = [], set[str]()
    with _as_table(table), table.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        for row in csv.DictReader(file):
            name = row.get("image") or ""
            if name not in paths:
                raise DataError(
                    f"{table.name}: expected the photo {name!r} beside it, found none; unpack all"
                )
            if name in named:
                raise DataError(f"{table.name}: expected each photo once, found {name!r} twice; remove a row")
            named.add(name)
            label = _category(row.get("category") or "", known)
            photos.append(_Photo(paths[name], label, Path(label) / name))
    return photos


@contextmanager
def _as_table(path: Path) -> Iterator[None]:
    """A table that csv cannot read, for an unclosed quote swallows the rest, is one sentence."""
    try:
        yield
    except csv.Error as error:
        raise DataError(
            f"{path.name}: expected a table with commas, found a damaged one ({error}); close its quotes or unpack it "
            "again"
        ) from error


def _category(text: str, known: KnownData) -> str:
    if text.isdecimal() and 1 <= int(text) <= len(known.labels):
        return known.labels[int(text) - 1]
    if text in known.labels:
        return text
    raise DataError(
        f"train.csv: expected a category from 1 to {len(known.labels)}, found {text!r}; is it the table of {known.name}?"
    )


def _check_classes(known: KnownData, found: set[str]) -> None:
    if known.classes and len(found) != known.classes:
        raise DataError(
            f"{known.name}: expected {known.classes} classes, found {len(found)} ({', '.join(sorted(found)[:5])}); "
            "photos of other classes need no name here, give their folder to: edgecls train"
        )


def _photos(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if is_photo(path) and path.is_file())


def _folders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _copy(path: Path, place: Path) -> None:
    try:
        shutil.copyfile(path, place)
    except PermissionError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
