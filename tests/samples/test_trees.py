"""Class folders as their authors pack them end as folders that edgecls trains on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgecls.data import open_data
from edgecls.errors import DataError
from edgecls.samples.catalogue import find_known
from edgecls.samples.trees import arrange

if TYPE_CHECKING:
    from tests.samples.conftest import Made


def photos(*folders: str, count: int = 4, suffix: str = ".jpeg") -> dict[str, bytes]:
    """Files that look like photos by name, each with bytes of its own."""
    names = [f"{folder}/{i}{suffix}" for folder in folders for i in range(count)]
    return {name: name.encode() for name in names}


def test_chest_xray_keeps_its_splits_once_though_the_archive_holds_them_twice(
    tmp_path: Path, made: type[Made]
) -> None:
    tree = photos(
        *(f"chest_xray/{split}/{c}" for split in ("train", "val", "test") for c in ("NORMAL", "PNEUMONIA"))
    )
    twice = {f"chest_xray/{name}": data for name, data in tree.items()}
    junk = {f"chest_xray/__MACOSX/{name}".replace("/0.", "/._0."): b"junk" for name in tree if "/0." in name}
    source = made.write_files(
        tmp_path / "source", {**tree, **twice, **junk, "chest_xray/train/.DS_Store": b"x"}
    )
    assert arrange(source, tmp_path / "out", known=find_known("chest-xray"), move=False) == 24
    assert made.contents(tmp_path / "out") == {
        name.removeprefix("chest_xray/"): d for name, d in tree.items()
    }
    dataset = open_data(tmp_path / "out")
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (8, 8, 8)


def test_monkeys_get_their_names_from_the_label_file_and_training_is_found_in_training(
    tmp_path: Path, made: type[Made]
) -> None:
    folders = [f"{split}/{split}/n{i}" for split in ("training", "validation") for i in range(10)]
    table = "Label, Latin Name , Common Name , Train Images , Validation Images\n" + "".join(
        f"n{i} , latina_{i}\t , monkey_{i} , 4 , 4\n" for i in range(10)
    )
    source = made.write_files(tmp_path / "source", {**photos(*folders), "monkey_labels.txt": table.encode()})
    arrange(source, tmp_path / "out", known=find_known("monkey-species"), move=True)
    assert set(made.contents(tmp_path / "out")) == {
        f"{split}/monkey_{i}/{n}.jpeg" for split in ("train", "val") for i in range(10) for n in range(4)
    }


def test_asl_takes_the_class_folders_and_leaves_the_flat_test_photos_out(
    tmp_path: Path, made: type[Made]
) -> None:
    classes = [*"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "del", "nothing", "space"]
    train = photos(*(f"asl_alphabet_train/asl_alphabet_train/{c}" for c in classes))
    flat = {"asl_alphabet_test/asl_alphabet_test/A_test.jpg": b"a test"}
    source = made.write_files(tmp_path / "source", {**train, **flat})
    assert arrange(source, tmp_path / "out", known=find_known("asl-alphabet"), move=False) == 29 * 4
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(classes)


def test_ships_are_sorted_by_their_table_and_those_without_a_category_left_out(
    tmp_path: Path, made: type[Made]
) -> None:
    rows = "".join(f"{i}.jpeg,{1 + i % 5}\n" for i in range(10))
    files = {**photos("train/images", count=12), "train/train.csv": f"image,category\n{rows}".encode()}
    source = made.write_files(tmp_path / "source", files)
    assert arrange(source, tmp_path / "out", known=find_known("ships"), move=False) == 10
    found = made.contents(tmp_path / "out")
    assert found["Cargo/5.jpeg"] == b"train/images/5.jpeg"
    assert found["Tankers/9.jpeg"] == b"train/images/9.jpeg"
    assert made.contents(source) == files


def test_ships_in_class_folders_need_no_table(tmp_path: Path, made: type[Made]) -> None:
    source = made.write_files(
        tmp_path / "source", photos("ships/a", "ships/b", "ships/c", "ships/d", "ships/e")
    )
    assert arrange(source, tmp_path / "out", known=find_known("ships"), move=False) == 20


def test_car_makes_may_have_any_number_of_classes_and_nested_photos_stay_apart(
    tmp_path: Path, made: type[Made]
) -> None:
    files = photos("cars/Audi", "cars/Audi/2019", "cars/BMW", "cars/Bentley")
    arrange(
        made.write_files(tmp_path / "source", files),
        tmp_path / "out",
        known=find_known("car-makes"),
        move=False,
    )
    assert made.contents(tmp_path / "out") == {
        name.removeprefix("cars/"): data for name, data in files.items()
    }


def test_other_classes_than_the_known_ones_are_refused(tmp_path: Path, made: type[Made]) -> None:
    source = made.write_files(tmp_path / "source", photos("ships/a", "ships/b"))
    with pytest.raises(DataError, match=r"ships: expected 5 classes, found 2 \(a, b\)"):
        arrange(source, tmp_path / "out", known=find_known("ships"), move=False)
    assert not (tmp_path / "out").exists()


def test_a_folder_without_class_folders_is_refused(tmp_path: Path, made: type[Made]) -> None:
    source = made.write_files(tmp_path / "source", photos("all"))
    with pytest.raises(DataError, match="car-makes: expected class folders with photos, found none"):
        arrange(source, tmp_path / "out", known=find_known("car-makes"), move=False)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("9.jpeg,1", "expected the photo '9.jpeg' beside it"),
        ("0.jpeg,1\n0.jpeg,2", "expected each photo once, found '0.jpeg' twice"),
        ("0.jpeg,6", "expected a category from 1 to 5, found '6'"),
        ("0.jpeg", "expected a category from 1 to 5, found ''"),
        ("0.jpeg,²", "expected a category from 1 to 5, found '²'"),
        (f'"0.jpeg,{"1" * (1 << 17)}', "train.csv: expected a table with commas, found a damaged one"),
    ],
)
def test_a_wrong_row_of_the_table_is_one_sentence(
    tmp_path: Path, made: type[Made], row: str, words: str
) -> None:
    files = {**photos("images"), "train.csv": f"image,category\n{row}\n".encode()}
    with pytest.raises(DataError, match=words):
        arrange(
            made.write_files(tmp_path / "source", files),
            tmp_path / "out",
            known=find_known("ships"),
            move=False,
        )


def test_photos_of_an_unpacked_archive_are_moved_and_the_users_own_copied(
    tmp_path: Path, made: type[Made]
) -> None:
    known = find_known("car-makes")
    source = made.write_files(tmp_path / "source", photos("a", "b"))
    arrange(source, tmp_path / "copied", known=known, move=False)
    assert len(made.contents(source)) == 8
    arrange(source, tmp_path / "moved", known=known, move=True)
    assert made.contents(source) == {}
    assert made.contents(tmp_path / "moved") == made.contents(tmp_path / "copied")


def test_a_name_in_the_label_file_that_leads_elsewhere_is_refused(tmp_path: Path, made: type[Made]) -> None:
    files = {
        **photos(*(f"training/n{i}" for i in range(10))),
        "monkey_labels.txt": b"n3, latina, ../../out, 4, 4\n",
    }
    with pytest.raises(
        DataError, match=r"monkey_labels.txt: expected the name of a class, found '../../out'"
    ):
        arrange(
            made.write_files(tmp_path / "source", files),
            tmp_path / "out",
            known=find_known("monkey-species"),
            move=False,
        )


@pytest.mark.parametrize(
    ("folders", "elsewhere"),
    [
        (("cars/Audi/A1", "cars/Audi/A2", "cars/BMW/X1", "cars/BMW/X3"), "cars/BMW/X1/0.jpeg"),
        (("Audi", "BMW", "test/Audi", "test/BMW"), "test/Audi/0.jpeg"),
        (("train/Audi", "train/BMW", "more/Seat"), "more/Seat/0.jpeg"),
    ],
)
def test_photos_beside_the_class_folders_are_never_dropped_without_a_word(
    tmp_path: Path, made: type[Made], folders: tuple[str, ...], elsewhere: str
) -> None:
    source = made.write_files(tmp_path / "source", photos(*folders))
    with pytest.raises(DataError, match=f"elsewhere, {elsewhere}; lay the photos of each class"):
        arrange(source, tmp_path / "out", known=find_known("car-makes"), move=False)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("folder", ["test", "test/test", ".", ".thumbs", "train"])
def test_photos_of_no_class_are_left_out(tmp_path: Path, made: type[Made], folder: str) -> None:
    source = made.write_files(tmp_path / "source", photos("train/Audi", "train/BMW", folder))
    assert arrange(source, tmp_path / "out", known=find_known("car-makes"), move=False) == 8


@pytest.mark.parametrize("folder", ["test/test", "test/images"])
def test_a_folder_of_test_photos_is_no_class(tmp_path: Path, made: type[Made], folder: str) -> None:
    source = made.write_files(tmp_path / "source", photos("train/NORMAL", "train/PNEUMONIA", folder))
    assert arrange(source, tmp_path / "out", known=find_known("chest-xray"), move=False) == 8


def test_a_test_split_of_a_single_class_is_kept(tmp_path: Path, made: type[Made]) -> None:
    files = photos("train/Audi", "train/BMW", "test/Audi")
    source = made.write_files(tmp_path / "source", files)
    arrange(source, tmp_path / "out", known=find_known("car-makes"), move=False)
    assert made.contents(tmp_path / "out") == files


def test_two_folders_of_one_split_are_refused(tmp_path: Path, made: type[Made]) -> None:
    folders = [f"{split}/{make}" for split in ("train", "training") for make in ("Audi", "BMW")]
    source = made.write_files(tmp_path / "source", photos(*folders))
    with pytest.raises(DataError, match="one folder for each split, found train/ and training/"):
        arrange(source, tmp_path / "out", known=find_known("car-makes"), move=False)
