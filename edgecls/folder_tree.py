"""Reading a class-per-folder tree: DATA/CLASS/photo.jpg, or DATA/train/CLASS/photo.jpg with val and test."""

from __future__ import annotations

from pathlib import Path

from edgecls.errors import DataError, UsageError
from edgecls.images import is_photo
from edgecls.labels import Labels
from edgecls.names import slug
from edgecls.photos import DataSet, Photo, Problem, check_classes, photo_digest
from edgecls.splits import Splits, complete_splits, remove_duplicates

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}


def read_folder_tree(root: Path, *, seed: int, validation: float | None = None) -> DataSet:
    """Read the tree under `root` as a DataSet; splits that are not there are drawn by `complete_splits`.

    Raises UsageError when `root` is no folder, or has a validation split and a share is asked for; DataError when it
    holds no class folders with photos, fewer than two classes, or a class with too few photos.
    """
    labels, splits, problems = read_tree_splits(root)
    splits = complete_splits(splits, labels, seed=seed, validation=validation)
    return check_classes(
        DataSet(
            name=slug(root.resolve().name),
            root=root,
            labels=labels,
            train=tuple(splits["train"]),
            validation=tuple(splits["validation"]),
            test=tuple(splits["test"]),
            problems=tuple(problems),
        )
    )


def read_tree_splits(root: Path) -> tuple[Labels, Splits, list[Problem]]:
    """Read the tree under `root`: its classes, the splits that are there, and the files that cannot be used.

    Raises UsageError when `root` is no folder, DataError when it holds no class folders with photos.
    """
    if not root.is_dir():
        raise UsageError(
            f"{root}: expected a folder with one sub-folder of photos for each class, found none; check the path"
        )
    folders = _split_folders(root)
    _check_train(root, folders["train"])
    labels = _labels(root, folders)
    splits: Splits = {}
    problems: list[Problem] = []
    for split, folder in folders.items():
        photos, bad = _read_split(root, folder, labels)
        splits[split] = photos
        problems += bad
    if not any(splits.values()):
        raise DataError(f"{root}: expected photos in the class folders, found none; {_listed(problems)}")
    splits, twice = remove_duplicates(splits, labels)
    return labels, splits, problems + twice


def read_labelled(root: Path, labels: Labels, split: str) -> tuple[tuple[Photo, ...], tuple[Problem, ...]]:
    """The photos of class folders whose names are among `labels`; those of `split` when `root` has splits.

    Raises UsageError when `root` is no folder, DataError when a folder names another class or none has photos.
    """
    if not root.is_dir():
        raise UsageError(
            f"{root}: expected a folder with one sub-folder of photos for each class, found none; check the path"
        )
    folder = _split_folders(root).get(split, root)
    strange = sorted({f.name for f in _folders(folder)} - set(labels.names))
    if strange:
        raise DataError(
            f"{folder}: classes {', '.join(strange)} are not among the model's; expected {', '.join(labels)}"
        )
    photos, problems = _read_split(root, folder, labels)
    if not photos:
        raise DataError(f"{folder}: expected photos in the class folders, found none; {_listed(problems)}")
    return tuple(photos), tuple(problems)


def _split_folders(root: Path) -> dict[str, Path]:
    """Split name -> folder; the root itself is the training split when it holds class folders."""
    found: dict[str, Path] = {}
    for folder in _folders(root):
        split = SPLIT_NAMES.get(folder.name.lower())
        if split and _folders(folder):
            if split in found:
                raise DataError(
                    f"{root}: found both {found[split].name}/ and {folder.name}/; keep one of them"
                )
            found[split] = folder
    if "train" not in found:
        return {"train": root}
    strange = [f"{f.name}/" for f in _folders(root) if f not in found.values() and _folders(f)]
    if strange:
        raise DataError(
            f"{root}: found {', '.join(strange)} beside the train folder; expected val/ and test/ there, "
            "rename it or move it away"
        )
    return found


def _check_train(root: Path, train: Path) -> None:
    """Raise DataError when val/ and test/ stand alone: they are no classes."""
    names = [folder.name for folder in _folders(root) if _folders(folder)]
    if train == root and names and all(SPLIT_NAMES.get(name.lower()) for name in names):
        there = ", ".join(f"{name}/" for name in names)
        raise DataError(f"{root}: expected a train folder beside {there}, found none; add it")


def _labels(root: Path, folders: dict[str, Path]) -> Labels:
    names = [folder.name for folder in _folders(folders["train"])]
    if not names:
        raise DataError(
            f"{root}: expected one sub-folder of photos for each class, found no sub-folder; "
            "sort the photos into DATA/CLASS/photo.jpg"
        )
    for name in names:
        if not _is_utf8(name):
            raise DataError(
                f"{root}: {_shown(name)}: expected a folder name in UTF-8, found others; rename it"
            )
    for split, folder in folders.items():
        strange = sorted({f.name for f in _folders(folder)} - set(names))
        if strange:
            raise DataError(
                f"{folder}: classes {', '.join(strange)} are not among the training classes; "
                f"expected {', '.join(names)}, rename the folders of the {split} split"
            )
    return Labels(tuple(names))


def _read_split(root: Path, folder: Path, labels: Labels) -> tuple[list[Photo], list[Problem]]:
    photos: list[Photo] = []
    problems: list[Problem] = []
    for class_folder in _folders(folder):
        label = labels.names.index(class_folder.name)
        for path in sorted(
            p for p in class_folder.rglob("*") if p.is_file() and not _hidden(p, class_folder)
        ):
            name = path.relative_to(root).as_posix()
            if not is_photo(path):
                problems.append(Problem(_shown(name), "not a photo by its suffix; left out"))
                continue
            if not _is_utf8(name):
                problems.append(Problem(_shown(name), "its name is not UTF-8; rename it"))
                continue
            try:
                data = path.read_bytes()
            except OSError as error:
                problems.append(Problem(name, f"cannot be read ({error.strerror}); check its permissions"))
                continue
            if data:
                photos.append(Photo(name, label, photo_digest(data), path))
            else:
                problems.append(Problem(name, "the file is empty (0 bytes); replace it or delete it"))
    return photos, problems


def _is_utf8(name: str) -> bool:
    """Say whether a name can be written to run.json: Python keeps other bytes of a path as lone surrogates."""
    return _shown(name) == name


def _shown(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _folders(parent: Path) -> list[Path]:
    return sorted(p for p in parent.iterdir() if p.is_dir() and not p.name.startswith("."))


def _listed(problems: list[Problem]) -> str:
    if not problems:
        return "add photos (JPEG, PNG, BMP, WebP, TIFF)"
    return f"{len(problems)} files were left out, the first: {problems[0].name}: {problems[0].reason}"
