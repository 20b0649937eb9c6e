"""`edgecls data`: the table, one data set, and a data set from what the user has."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cars(workplace: Path) -> Path:
    """A folder of class folders, as a user has one."""
    for make in ("Audi", "BMW"):
        for i in range(4):
            path = workplace / "mine" / "cars" / make / f"{i}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"{make}{i}".encode())
    return workplace / "mine"


def test_the_table_names_every_set_whole_and_how_to_get_it(edgecls: Run) -> None:
    done = edgecls("data")
    assert done.returncode == 0, done.stderr
    rows = {line.split("│")[1].strip(): line for line in done.stdout.splitlines() if line.startswith("│")}
    assert len(rows) == 11
    assert "60,000" in rows["cifar10"]
    assert "fetch --from" in rows["monkey-species"]
    assert "any" in rows["car-makes"]


def test_the_table_fits_a_terminal_of_80_columns(
    workplace: Path, environment: dict[str, str], edgecls: Run
) -> None:
    environment["COLUMNS"] = "80"
    lines = edgecls("data").stdout.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert sum(line.startswith("│") for line in lines) == 11


def test_json_has_every_fact_of_every_set(edgecls: Run) -> None:
    listed = {record["name"]: record for record in json.loads(edgecls("data", "--json").stdout)["data"]}
    assert listed["cifar10"]["shape"] == [32, 32, 3]
    assert (listed["cifar10"]["fetchable"], listed["ships"]["fetchable"]) == (True, False)
    assert listed["mnist"]["folder"] == "data/mnist"
    assert json.loads(edgecls("data", "show", "stl10", "--json").stdout) == listed["stl10"]


def test_show_tells_terms_home_layout_and_how(edgecls: Run) -> None:
    text = edgecls("data", "show", "chest-xray").stdout
    for words in ("5,216 training, 16 validation, 624 test", "CC BY 4.0", "mendeley", "NORMAL", "--from"):
        assert words in text


def test_a_folder_of_the_user_is_brought_in_once(edgecls: Run, workplace: Path, cars: Path) -> None:
    done = edgecls("data", "fetch", "car-makes", "--from", "mine")
    assert done.returncode == 0, done.stderr
    counted = "8 photos, 2 classes; training draws its splits from them"
    assert f"data/car-makes: fetched\ndata/car-makes: {counted}\n" in done.stderr
    assert (workplace / "data/car-makes/BMW/3.jpg").read_bytes() == b"BMW3"
    again = edgecls("data", "fetch", "car-makes", "--from", "mine")
    assert again.stderr.endswith("data/car-makes: unchanged\n")
    listed = json.loads(edgecls("data", "--json").stdout)["data"]
    assert [record["name"] for record in listed if record["there"]] == ["car-makes"]


def test_another_folder_is_asked_for_with_to_and_told_in_json(
    edgecls: Run, workplace: Path, cars: Path
) -> None:
    done = edgecls("data", "fetch", "car-makes", "--from", "mine", "--to", "elsewhere", "--json")
    told = json.loads(done.stdout)
    assert told.pop("counts") == {"train": 8, "validation": 0, "test": 0, "classes": 2, "left_out": 0}
    assert told == {"name": "car-makes", "folder": "elsewhere/car-makes", "fresh": True}
    assert not (workplace / "data").exists()


def test_the_photos_of_each_split_are_counted_as_training_reads_them(
    edgecls: Run, workplace: Path, cars: Path
) -> None:
    (cars / "cars").rename(cars / "train")
    for split, count in (("val", 2), ("test", 3)):
        for make in ("Audi", "BMW"):
            (cars / split / make).mkdir(parents=True)
            for i in range(count):
                (cars / split / make / f"{i}.jpg").write_bytes(f"{split}{make}{i}".encode())
    (cars / "train" / "Audi" / "9.jpg").write_bytes(b"Audi0")  # a photo that stands twice
    done = edgecls("data", "fetch", "car-makes", "--from", "mine")
    words = "8 training, 4 validation and 6 test photos, 2 classes; 1 left out, edgecls train says why"
    assert f"data/car-makes: {words}\n" in done.stderr


def test_photos_that_training_would_refuse_are_fetched_all_the_same_with_a_note(
    edgecls: Run, workplace: Path, cars: Path
) -> None:
    (cars / "cars").rename(cars / "train")
    for make in ("Opel", "Seat"):  # without a training photo
        (cars / "test" / make).mkdir(parents=True)
        (cars / "test" / make / "1.jpg").write_bytes(make.encode())
    done = edgecls("data", "fetch", "car-makes", "--from", "mine")
    assert done.returncode == 0, done.stderr
    assert "data/car-makes: fetched\nnot counted: " in done.stderr
    again = edgecls("data", "fetch", "car-makes", "--from", "mine", "--json")
    assert (again.returncode, json.loads(again.stdout)["counts"]) == (0, None)


def test_pictures_in_idx_files_are_counted_from_the_files(workplace: Path) -> None:
    """Not by the command: it believes in MNIST's own bytes alone."""
    from edgecls.cli.data import _counted
    from edgecls.data import count_photos
    from edgecls.idx import write_idx
    from edgecls.samples.catalogue import find_known

    folder = workplace / "data" / "mnist"
    folder.mkdir(parents=True)
    for split, count in (("train", 1200), ("t10k", 30)):
        pictures = np.random.default_rng(count).integers(0, 256, (count, 28, 28), np.uint8)
        write_idx(folder / f"{split}-images-idx3-ubyte", pictures)
        write_idx(folder / f"{split}-labels-idx1-ubyte", np.arange(count).astype(np.uint8) % 10)
    said = _counted(count_photos(folder), find_known("mnist"))
    assert said == "1,200 training and 30 test pictures, 10 classes"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("fetch",), 2, "expected a name after 'fetch'"),
        (("fetch", "cifar"), 2, "found 'cifar'"),
        (("--from", "photos"), 2, "--from: expected it after data fetch NAME alone"),
        (("show", "ships", "--from", "photos"), 2, "--from: expected it after data fetch NAME alone"),
        (("cifar10",), 2, "'cifar10' is not one of"),
        (("fetch", "ships"), 2, "expected --from FOLDER_OR_ARCHIVE"),
        (("fetch", "ships", "--from", "nowhere"), 2, "nowhere: expected a folder or an archive"),
        (("fetch", "ships", "--from", "photos"), 1, "ships: expected 5 classes, found 2"),
        (("fetch", "cifar10", "--from", "photos"), 1, "photos: expected data_batch_1.bin in it, found none"),
    ],
)
def test_wrong_use_is_one_sentence(
    edgecls: Run, workplace: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = edgecls("data", *arguments)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(workplace.glob("data/*"))
