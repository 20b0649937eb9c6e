"""`edgecls show`: what it writes and prints, and one sentence for everything that is wrong."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgecls.files import read_json, write_json
from edgecls.networks.network import Network
from edgecls.runs import DOCUMENT

pytest.importorskip("keras", reason="needs Keras, of the train extra")
pytest.importorskip("matplotlib", reason="needs the report extra")
pytestmark = pytest.mark.xdist_group("training")

FILES = ["01-scaling.png", "02-first_relu6.png", "03-second_relu6.png", "attention.png", "show.html"]

Show = Callable[..., int]
Said = pytest.CaptureFixture[str]


def edgecls(*arguments: object) -> int:
    """The exit code of the command, run in this process, where TensorFlow is loaded already."""
    from edgecls.cli.app import main

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["edgecls", *map(str, arguments)])
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0)
    return 0


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory, plant: Callable[..., Path], small_network: Network
) -> Path:
    """A folder with tints/, photos of three classes, and runs/small, trained on them for one epoch."""
    folder = tmp_path_factory.mktemp("show")
    data = plant(folder / "tints", {"blue": 20, "green": 20, "red": 20})
    options = ["--network", small_network.name, "--size", 32, "--epochs", 1, "--name", "small"]
    assert edgecls("train", data, *options, "--runs", folder / "runs") == 0
    return folder


@pytest.fixture
def place(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it to work in: red.jpg is a photo, runs/small the run."""
    shutil.copytree(trained / "runs", tmp_path / "runs")
    shutil.copy(trained / "tints" / "red" / "000.jpg", tmp_path / "red.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_page_and_pictures_are_written_beside_the_run(place: Path, capsys: Said) -> None:
    assert edgecls("show", "small", "red.jpg") == 0
    assert entries(place / "runs" / "small" / "show" / "red") == FILES
    said = capsys.readouterr()
    assert "confidence" in said.out
    assert "wrote runs/small/show/red/show.html and 4 pictures beside it" in said.err


def test_json_names_every_file_and_the_best_labels(place: Path, capsys: Said) -> None:
    options = ["--layers", "second_conv,scaling", "--label", "green", "--top", 2, "--out", "out", "--json"]
    assert edgecls("show", "small", "red.jpg", *options) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["run"], found["photo"], found["label"]) == ("small", "red.jpg", "green")
    assert [(one["name"], one["shape"]) for one in found["layers"]] == [
        ("second_conv", [8, 8, 12]),
        ("scaling", [32, 32, 3]),
    ]
    first, second = found["top"]
    assert first["confidence"] >= second["confidence"]
    pictures = [found["page"], found["attention"], *(one["picture"] for one in found["layers"])]
    assert sorted(pictures) == [f"out/{name}" for name in entries(place / "out")]


def test_the_class_that_is_looked_for_is_the_best_unless_named(place: Path, capsys: Said) -> None:
    assert edgecls("show", "small", "red.jpg", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["label"] == found["top"][0]["label"]


def test_the_class_that_is_looked_for_is_listed_though_it_is_the_last(place: Path, capsys: Said) -> None:
    assert edgecls("show", "small", "red.jpg", "--json") == 0
    ranked = [one["label"] for one in json.loads(capsys.readouterr().out)["top"]]
    options = ["--label", ranked[2], "--top", 1, "--force", "--json"]
    assert edgecls("show", "small", "red.jpg", *options) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["label"] for one in found["top"]] == [ranked[0], ranked[2]]


def test_what_is_there_is_replaced_with_force_alone(place: Path, capsys: Said) -> None:
    assert edgecls("show", "small", "red.jpg", "--out", "out") == 0
    (place / "out" / "old.png").write_bytes(b"")
    assert edgecls("show", "small", "red.jpg", "--out", "out") == 2
    assert "out exists already; choose another folder with --out or add --force" in capsys.readouterr().err
    assert "old.png" in entries(place / "out")
    assert edgecls("show", "small", "red.jpg", "--out", "out", "--force") == 0
    assert entries(place / "out") == FILES


def test_force_replaces_no_folder_of_another_kind(place: Path, capsys: Said) -> None:
    before = entries(place / "runs" / "small")
    assert edgecls("show", "small", "red.jpg", "--out", "runs/small", "--force") == 2
    assert "expected a folder with show.html to replace, found another" in capsys.readouterr().err
    assert entries(place / "runs" / "small") == before


def test_an_interrupted_run_is_shown_and_said_to_be_one(place: Path, capsys: Said) -> None:
    document = place / "runs" / "small" / DOCUMENT
    write_json(document, read_json(document) | {"status": "interrupted"})
    assert edgecls("show", "small", "red.jpg") == 0
    assert "runs/small was interrupted; shown are the weights it kept" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["small", "gone.jpg"], 1, "gone.jpg: cannot be read"),
        (["small", "text.jpg"], 1, "text.jpg: expected a picture"),
        (["small", "runs"], 1, "runs: cannot be read"),
        (["gone", "red.jpg"], 2, "expected a run (a folder with run.json), found none at gone"),
        (["half", "red.jpg"], 2, "expected a run (a folder with run.json), found none at half"),
        (
            ["small", "red.jpg", "--label", "pink"],
            2,
            "--label: expected one of blue, green, red, found 'pink'",
        ),
        (["small", "red.jpg", "--layers", "third"], 2, "found 'third'; there are: scaling, first_conv"),
        (["small", "red.jpg", "--layers", ","], 2, "--layers: expected names with commas, found none"),
        (["small", "red.jpg", "--out", "text.jpg/out"], 1, "text.jpg/out: cannot be written"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    place: Path, capsys: Said, arguments: list[str], code: int, sentence: str
) -> None:
    (place / "text.jpg").write_text("no picture")
    (place / "runs" / "half" / "checkpoint").mkdir(parents=True)
    assert edgecls("show", *arguments) == code
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
    assert "show" not in entries(place / "runs" / "small") or not entries(place / "runs" / "small" / "show")


def test_a_model_that_was_changed_is_not_shown(place: Path, capsys: Said) -> None:
    with (place / "runs" / "small" / "model.keras").open("ab") as file:
        file.write(b"x")
    assert edgecls("show", "small", "red.jpg") == 1
    assert "the file was changed" in capsys.readouterr().err
