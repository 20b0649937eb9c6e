"""Class-per-folder trees, good and bad: nothing good is lost, and every complaint is one sentence."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edgecls.errors import DataError, UsageError
from edgecls.folder_tree import read_folder_tree
from edgecls.photos import SPLITS, DataSet

MakePhoto = Callable[..., bytes]
PlantPhotos = Callable[..., Path]


def read(root: Path, seed: int = 0) -> DataSet:
    return read_folder_tree(root, seed=seed)


def names(dataset: DataSet) -> dict[str, list[str]]:
    return {split: sorted(photo.name for photo in dataset.split(split)) for split in SPLITS}


def reasons(dataset: DataSet) -> dict[str, str]:
    return {problem.name: problem.reason for problem in dataset.problems}


def test_folders_become_labels_and_the_split_is_drawn(tmp_path: Path, plant: PlantPhotos) -> None:
    dataset = read(plant(tmp_path / "Fruit Shop", {"plum": 20, "apple": 10}))
    assert dataset.name == "fruit_shop"
    assert dataset.counts() == [("apple", 7, 1, 2), ("plum", 14, 3, 3)]
    assert dataset.problems == ()


def test_the_same_seed_gives_the_same_split_wherever_the_folder_lies(
    tmp_path: Path, plant: PlantPhotos
) -> None:
    here = plant(tmp_path / "here", {"a": 20, "b": 20})
    shutil.copytree(here, tmp_path / "far" / "away")
    moved = read(tmp_path / "far" / "away")
    assert names(moved) == names(read(here))
    assert moved.digest == read(here).digest


def test_another_seed_gives_another_split(tmp_path: Path, plant: PlantPhotos) -> None:
    root = plant(tmp_path / "data", {"a": 20, "b": 20})
    assert names(read(root, 1)) != names(read(root, 2))
    assert read(root, 1).digest != read(root, 2).digest


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_what_is_no_folder_is_wrong_use(tmp_path: Path, kind: str) -> None:
    root = tmp_path / "data"
    if kind == "file":
        root.write_text("x")
    with pytest.raises(UsageError, match=r"data: expected a folder with one sub-folder .* found none"):
        read(root)


def test_a_folder_without_sub_folders_says_how_to_sort(tmp_path: Path, photo: MakePhoto) -> None:
    with pytest.raises(DataError, match="found no sub-folder; sort the photos into DATA/CLASS"):
        read(tmp_path)
    (tmp_path / "a.jpg").write_bytes(photo(0, 0))
    with pytest.raises(DataError, match="found no sub-folder"):
        read(tmp_path)


def test_class_folders_without_a_usable_photo_name_the_first_that_was_left_out(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with pytest.raises(DataError, match="found none; add photos"):
        read(tmp_path)
    (tmp_path / "b" / "empty.jpg").touch()
    with pytest.raises(DataError, match=r"1 files were left out, the first: b/empty.jpg: .*0 bytes"):
        read(tmp_path)


def test_one_class_is_not_enough(tmp_path: Path, plant: PlantPhotos) -> None:
    with pytest.raises(DataError, match="expected at least 2 classes, found 1"):
        read(plant(tmp_path / "data", {"only": 9}))


def test_a_class_of_one_photo_is_named(tmp_path: Path, plant: PlantPhotos) -> None:
    with pytest.raises(DataError, match="class 'rare' has 1 photo, expected at least 3"):
        read(plant(tmp_path / "data", {"common": 9, "rare": 1}))


def test_a_class_without_photos_is_named(tmp_path: Path, plant: PlantPhotos) -> None:
    with pytest.raises(DataError, match=r"class 'none' has no photo to train on \(0 in all\)"):
        read(plant(tmp_path / "data", {"a": 9, "b": 9, "none": 0}))


def test_bad_files_are_listed_and_the_good_photos_stay(tmp_path: Path, plant: PlantPhotos) -> None:
    root = plant(tmp_path / "data", {"a": 6, "b": 6})
    (root / "a" / "empty.jpg").touch()
    (root / "a" / "notes.txt").write_text("bought on Monday")
    (root / "b" / ".hidden.jpg").write_bytes(b"x")
    dataset = read(root)
    assert sum(len(dataset.split(split)) for split in SPLITS) == 12
    assert reasons(dataset) == {
        "a/empty.jpg": "the file is empty (0 bytes); replace it or delete it",
        "a/notes.txt": "not a photo by its suffix; left out",
    }


def test_a_photo_that_may_not_be_read_is_listed(
    tmp_path: Path, plant: PlantPhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = plant(tmp_path / "data", {"a": 6, "b": 6})
    real = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "003.jpg" and path.parent.name == "a":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)  # as root no file refuses to be read
    assert list(reasons(read(root))) == ["a/003.jpg"]
    assert "Permission denied" in reasons(read(root))["a/003.jpg"]


def test_a_photo_whose_name_is_no_utf8_is_listed(
    tmp_path: Path, plant: PlantPhotos, photo: MakePhoto
) -> None:
    root = plant(tmp_path / "data", {"a": 6, "b": 6})
    (root / "a" / os.fsdecode(b"gr\xfcn.jpg")).write_bytes(photo(0, 77))
    dataset = read(root)
    (name,) = reasons(dataset)
    assert name.encode()  # can be printed and written to run.json
    assert "gr" in name
    assert "UTF-8" in reasons(dataset)[name]
    assert sum(len(dataset.split(split)) for split in SPLITS) == 12


def test_a_class_whose_name_is_no_utf8_is_refused(tmp_path: Path, plant: PlantPhotos) -> None:
    root = plant(tmp_path / "data", {"a": 6, os.fsdecode(b"gr\xfcn"): 6})
    with pytest.raises(DataError, match=r"gr.+n: expected a folder name in UTF-8"):
        read(root)


def test_the_same_photo_in_training_and_test_stays_in_the_test(tmp_path: Path, plant: PlantPhotos) -> None:
    plant(tmp_path / "train", {"a": 6, "b": 6})
    plant(tmp_path / "test", {"a": 3, "b": 3}, first=50)
    shutil.copy(tmp_path / "test" / "a" / "051.jpg", tmp_path / "train" / "a" / "again.jpg")
    dataset = read(tmp_path)
    assert "test/a/051.jpg" in names(dataset)["test"]
    assert "the same photo as test/a/051.jpg" in reasons(dataset)["train/a/again.jpg"]


def test_the_same_photo_under_two_classes_is_left_out_of_both(tmp_path: Path, plant: PlantPhotos) -> None:
    root = plant(tmp_path / "data", {"a": 6, "b": 6})
    shutil.copy(root / "a" / "000.jpg", root / "b" / "same.jpg")
    dataset = read(root)
    assert set(reasons(dataset)) == {"a/000.jpg", "b/same.jpg"}
    assert dataset.counts()[0][1:] == (3, 1, 1)


def test_spaced_and_foreign_names_are_kept(tmp_path: Path, plant: PlantPhotos, photo: MakePhoto) -> None:
    root = plant(tmp_path / "meine Äpfel", {"Pink Lady": 4, "リンゴ": 4})
    (root / "Pink Lady" / "am Markt 1 ö.JPG").write_bytes(photo(0, 99))
    dataset = read(root)
    assert dataset.labels.names == ("Pink Lady", "リンゴ")
    assert "Pink Lady/am Markt 1 ö.JPG" in [n for split in names(dataset).values() for n in split]
    assert all(photo.read().shape == (36, 40, 3) for photo in dataset.train)


def test_photos_in_deeper_folders_belong_to_their_class(tmp_path: Path, plant: PlantPhotos) -> None:
    root = plant(tmp_path / "data", {"a": 5, "b": 5})
    plant(root / "b", {"monday": 3}, first=60)
    assert sum(read(root).counts()[1][1:]) == 8


@pytest.mark.parametrize("folder", ["val", "valid", "validation", "Valid"])
def test_splits_that_are_there_are_used(tmp_path: Path, plant: PlantPhotos, folder: str) -> None:
    for first, split in ((0, "Train"), (50, folder), (70, "test")):
        plant(tmp_path / split, {"a": 4, "b": 4}, first=first)
    dataset = read(tmp_path)
    assert dataset.counts() == [("a", 4, 4, 4), ("b", 4, 4, 4)]
    assert all(name.startswith(f"{folder}/") for name in names(dataset)["validation"])


def test_a_missing_validation_split_is_drawn_from_training_alone(tmp_path: Path, plant: PlantPhotos) -> None:
    plant(tmp_path / "train", {"a": 10, "b": 10})
    plant(tmp_path / "test", {"a": 2, "b": 2}, first=50)
    found = names(read(tmp_path))
    assert all(name.startswith("train/") for name in found["validation"])
    assert found["test"] == ["test/a/050.jpg", "test/a/051.jpg", "test/b/050.jpg", "test/b/051.jpg"]


def test_two_folders_for_one_split_are_refused(tmp_path: Path, plant: PlantPhotos) -> None:
    for first, split in ((0, "train"), (50, "val"), (70, "valid")):
        plant(tmp_path / split, {"a": 4, "b": 4}, first=first)
    with pytest.raises(DataError, match="found both val/ and valid/; keep one"):
        read(tmp_path)


def test_a_class_that_only_the_test_has_is_refused(tmp_path: Path, plant: PlantPhotos) -> None:
    plant(tmp_path / "train", {"a": 6, "b": 6})
    plant(tmp_path / "test", {"a": 2, "b": 2, "c": 2}, first=50)
    with pytest.raises(DataError, match="classes c are not among the training classes"):
        read(tmp_path)


def test_validation_and_test_without_training_are_not_taken_for_classes(
    tmp_path: Path, plant: PlantPhotos
) -> None:
    plant(tmp_path / "val", {"a": 6, "b": 6})
    plant(tmp_path / "test", {"a": 6, "b": 6}, first=50)
    with pytest.raises(DataError, match="expected a train folder beside"):
        read(tmp_path)


def test_a_folder_beside_train_that_is_no_split_is_named(tmp_path: Path, plant: PlantPhotos) -> None:
    plant(tmp_path / "train", {"a": 6, "b": 6})
    plant(tmp_path / "holdout", {"a": 2, "b": 2}, first=50)
    with pytest.raises(DataError, match="found holdout/ beside the train folder; expected val/ and test/"):
        read(tmp_path)


def test_a_folder_of_files_beside_train_is_left_alone(tmp_path: Path, plant: PlantPhotos) -> None:
    plant(tmp_path / "train", {"a": 6, "b": 6})
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "read me.txt").write_text("bought on Monday")
    assert read(tmp_path).labels.names == ("a", "b")


def test_files_in_hidden_folders_are_no_photos(tmp_path: Path, plant: PlantPhotos, photo: MakePhoto) -> None:
    root = plant(tmp_path / ".cache" / "data", {"a": 6, "b": 6})  # the hidden folder above it hides nothing
    before = read(root)
    for name in ("a/.thumbnails/000.jpg", "b/monday/.trash/deep/1.jpg", ".hidden/c/2.jpg"):
        (root / name).parent.mkdir(parents=True)
        (root / name).write_bytes(photo(0, len(name)))
    assert (names(read(root)), read(root).problems) == (names(before), ())
    assert sum(len(before.split(split)) for split in SPLITS) == 12
