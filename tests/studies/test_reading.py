"""A study file is read strictly: every fault is one sentence with file, place, what was expected and found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgecls.errors import UsageError
from edgecls.studies.reading import read_study

WriteStudy = Callable[..., Path]


def test_a_study_file_is_read(write_study: WriteStudy, tints: Path) -> None:
    study = read_study(write_study())
    assert (study.name, study.title) == ("tints", "Tints")
    assert study.options == {"size": 48, "epochs": 2, "patience": 0, "weights": "none"}
    assert study.networks == {"lenet": {"batch_size": 16, "network": "lenet"}}
    assert study.data["tints"].path == str(tints)
    assert study.grid[0].networks == ("lenet", "cnn")
    assert study.budgets["quick"].photos == {"train": 30, "test": 12}
    assert study.budgets["quick"].regimes == {"scratch": {"optimizer": "sgd"}}
    assert study.budgets["full"].seeds == (0, 1)
    assert study.documents[0].top1 == 0.5


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('title = "Tints"', 'titel = "Tints"', r"the file: expected keys of title, .*, found 'titel'"),
        ('title = "Tints"', "", r"title: expected a text, found nothing"),
        ("epochs = 2", "epoch = 2", r"\[options\]: expected keys of .*epochs.*, found 'epoch'"),
        ("epochs = 2", "seed = 2", r"\[options\]: expected keys of .*, found 'seed'"),
        ("epochs = 2", "epochs = 2.5", r"\[options\] epochs: expected a whole number, found 2.5"),
        ("epochs = 2", "flip = 1", r"\[options\] flip: expected true or false, found 1"),
        (
            'regime = "head"',
            'regime = "heads"',
            r"\[regimes.frozen\] regime: expected one of scratch, head, .*'heads'",
        ),
        ("[networks.lenet]", "[networks.letnet]", r"\[networks.letnet\] network: .*, found 'letnet'"),
        (
            '["lenet", "cnn"]',
            '["lenet", "cn"]',
            r"\[grid 1\] networks: expected names of lenet, .* found 'cn'",
        ),
        (
            '["frozen", "scratch"]',
            '["frozn"]',
            r"\[grid 1\] regimes: expected names of frozen, scratch, found",
        ),
        ('data = ["tints"]', 'data = ["tint"]', r"\[grid 1\] data: expected names of tints, found 'tint'"),
        ('data = ["tints"]', 'data = "tints"', r"\[grid 1\] data: expected a list of names, found 'tints'"),
        ("train = 30", "trian = 30", r"\[budgets.quick.photos\]: expected keys of train, .*, found 'trian'"),
        (
            "train = 30",
            "train = 0",
            r"\[budgets.quick.photos\] train: expected a number of photos from 1, found",
        ),
        (
            "[budgets.quick.regimes.scratch]",
            "[budgets.quick.regimes.scrach]",
            r"\[budgets.quick.regimes\]: expected keys of frozen, scratch, found 'scrach'",
        ),
        ("seeds = [0]", "seeds = [0, 0]", r"\[budgets.quick\] seeds: expected a list of different"),
        ("top1 = 0.5", "top1 = 50", r"\[documents 1\] top1: expected a fraction of 0 to 1, found 50"),
        (
            'beside = "tints"',
            'beside = "tint"',
            r"\[documents 1\] beside: expected one of tints, found 'tint'",
        ),
        (
            'network = "lenet"',
            'network = "lnet"',
            r"\[documents 1\] network: expected one of lenet, cnn, found 'lnet'",
        ),
        (
            'regime = "scratch"\ntop1',
            'regime = "scrtch"\ntop1',
            r"\[documents 1\] regime: expected one of frozen, scratch, found 'scrtch'",
        ),
        ('beside = "tints"\n', "", r"\[documents 1\] data: expected one of tints, found 'theirs'"),
        (
            'regime = "head"',
            'regime = "head"\n[regimes.frozen.networks.lnet]\nepochs = 3',
            r"\[regimes.frozen.networks\]: expected keys of lenet, cnn, found 'lnet'",
        ),
        (
            "[data.tints]",
            '[data."Tints!"]\n[data.tints]',
            r"\[data\] expected names that differ in letters, .*, found 'Tints!' and 'tints'",
        ),
        ("[[grid]]", "[grid]", r"grid: expected \[\[grid\]\], found"),
        ("[data.tints]", "[data.tints", r"expected TOML in UTF-8, found something else"),
    ],
)
def test_a_fault_is_named_with_its_place(write_study: WriteStudy, old: str, new: str, words: str) -> None:
    path = write_study((old, new))
    with pytest.raises(UsageError, match=words) as caught:
        read_study(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.toml: expected a study file, found none"):
        read_study(tmp_path / "none.toml")


def test_a_whole_number_may_stand_for_a_float(write_study: WriteStudy) -> None:
    study = read_study(write_study(("epochs = 2", "learning_rate = 1")))
    assert repr(study.options["learning_rate"]) == "1.0"


def test_a_network_may_have_a_name_of_the_study_s_own(write_study: WriteStudy) -> None:
    changes = (
        ("[networks.lenet]", '[networks.small]\nnetwork = "lenet"'),
        ('"lenet", "cnn"', '"small"'),
        ('network = "lenet"\ndata', 'network = "small"\ndata'),
    )
    assert read_study(write_study(*changes)).networks["small"]["network"] == "lenet"
