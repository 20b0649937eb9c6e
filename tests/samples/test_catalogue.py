"""The catalogue: its facts agree with one another, and a data set is seen where it lies."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from edgecls.errors import UsageError
from edgecls.samples.catalogue import CATALOGUE, find_known, is_there
from edgecls.samples.fetch import _READERS
from edgecls.samples.known import KnownData

NAMES = [
    "mnist",
    "fashion-mnist",
    "cifar10",
    "groceries",
    "cifar100",
    "stl10",
    "asl-alphabet",
    "chest-xray",
    "monkey-species",
    "car-makes",
    "ships",
]


def plant(known: KnownData, folder: Path) -> None:
    """Files of the right names and sizes, with holes for their bytes."""
    folder.mkdir(parents=True)
    (folder / "labels.txt").write_text("a\n")
    for name, shape in known.idx_files().items():
        with (folder / name).open("wb") as file:
            file.truncate(4 + 4 * len(shape) + math.prod(shape))


def test_the_fetchable_sets_come_first_and_every_name_stands_once() -> None:
    assert [known.name for known in CATALOGUE] == NAMES
    assert [known.name for known in CATALOGUE if known.fetchable] == NAMES[:4]


@pytest.mark.parametrize("known", CATALOGUE, ids=lambda known: known.name)
def test_every_set_says_what_a_user_must_know(known: KnownData) -> None:
    assert all((known.title, known.picture, known.terms, known.citation, known.home, known.layout))
    assert f"edgecls data fetch {known.name}" in known.instructions
    assert bool(known.shape) == (known.name in _READERS)


@pytest.mark.parametrize("known", [k for k in CATALOGUE if k.mirrors], ids=lambda known: known.name)
def test_every_download_and_every_file_that_comes_of_it_has_a_digest(known: KnownData) -> None:
    assert all(re.fullmatch("[0-9a-f]{32}|[0-9a-f]{64}", file.digest) for file in known.files)
    assert {name for name, _ in known.digests} == set(known.idx_files())
    assert all(mirror.endswith("/") for mirror in known.mirrors)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"expected one of mnist, fashion-mnist, .* found 'cifar'"):
        find_known("cifar")


def test_cifar10_is_50000_and_10000_pictures_in_colour() -> None:
    assert find_known("cifar10").idx_files() == {
        "train-images-idx4-ubyte": (50_000, 32, 32, 3),
        "train-labels-idx1-ubyte": (50_000,),
        "t10k-images-idx4-ubyte": (10_000, 32, 32, 3),
        "t10k-labels-idx1-ubyte": (10_000,),
    }


@pytest.mark.parametrize("lost", [*find_known("mnist").idx_files(), "labels.txt"])
def test_a_set_with_a_lost_or_short_file_is_not_there(tmp_path: Path, lost: str) -> None:
    known, folder = find_known("mnist"), tmp_path / "mnist"
    assert not is_there(known, folder)
    plant(known, folder)
    assert is_there(known, folder)
    (folder / lost).unlink()
    assert not is_there(known, folder)
    if lost != "labels.txt":
        (folder / lost).write_bytes(b"short")
        assert not is_there(known, folder)


def test_a_set_of_photos_is_there_when_it_has_photos_in_class_folders(tmp_path: Path) -> None:
    known = find_known("ships")
    (tmp_path / ".hidden").mkdir()
    assert not is_there(known, tmp_path)
    (tmp_path / "train" / "Cargo").mkdir(parents=True)
    assert not is_there(known, tmp_path)
    (tmp_path / "train" / "Cargo" / "1.jpg").write_bytes(b"")
    assert is_there(known, tmp_path)
