"""What a study's report says of each class: recalls of every network's best cell, and which class is hardest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgecls.machine import Machine
from edgecls.metrics import ClassReport, class_reports, wilson
from edgecls.reporting.page import Prose, Table
from edgecls.reporting.study_classes import classes_blocks
from edgecls.studies.result import CellName, CellResult, StudyResult
from edgecls.training.options import TrainingOptions, make_config

MACHINE = Machine("AMD EPYC 7B13", "AMD EPYC 7B13", "x86_64", 2, 7960, "Debian 12", "3.11.7", "vnni")
PHOTOS = 10  # of each class
FRUIT = ("pear", "melon", "orange")


def cell(network: str, *right: int, regime: str = "tuned", data: str = "fruit") -> CellResult:
    """A cell that recognises so many of the 10 photos of each class; the others are taken for the next class."""
    matrix = np.diag(right) + np.roll(np.diag(PHOTOS - np.array(right)), 1, axis=1)
    labels = FRUIT if len(right) == len(FRUIT) else tuple(f"kind {i}" for i in range(len(right)))
    return CellResult(
        name=CellName(data, network, regime, 0),
        key=f"{network}-{regime}",
        config=make_config(TrainingOptions(network="lenet", regime="scratch")),
        created="now",
        machine=MACHINE,
        versions={},
        test=wilson(sum(right), PHOTOS * len(right)),
        classes=class_reports(matrix, labels),
    )


def blocks_of(*cells: CellResult) -> tuple[list[str], list[Table]]:
    """The sentences below the note, and the tables."""
    blocks = classes_blocks(StudyResult(1, "s", "quick", "", "now", 1.0, MACHINE, {}, {}, cells, ()))
    sentences = [block.text for block in blocks if isinstance(block, Prose)]
    return sentences[1:], [block for block in blocks if isinstance(block, Table)]


def test_a_class_is_a_row_and_each_networks_best_cell_a_column() -> None:
    _, (table,) = blocks_of(
        cell("lenet", 9, 5, 8),
        cell("vgg16", 1, 1, 1, regime="frozen"),
        cell("vgg16", 10, 6, 7),
    )
    assert table.columns == ("class", "test photos", "lenet, tuned", "vgg16, tuned", "mean")
    assert table.rows == (
        ("melon", "10", "50.0", "60.0", "55.0"),
        ("orange", "10", "80.0", "70.0", "75.0"),
        ("pear", "10", "90.0", "100.0", "95.0"),
    )


def test_one_network_needs_no_mean() -> None:
    (sentence,), (table,) = blocks_of(cell("lenet", 9, 5, 8))
    assert table.columns == ("class", "test photos", "lenet, tuned")
    assert table.rows[0] == ("melon", "10", "50.0")
    assert sentence == "Hardest on fruit: melon, recall 50.0 %."


def test_of_several_networks_the_hardest_on_average_is_said() -> None:
    (sentence,), _ = blocks_of(cell("lenet", 9, 2, 8), cell("vgg16", 10, 6, 5), cell("enet", 9, 3, 4))
    assert sentence == (
        "Hardest on fruit on average of the networks: melon, mean recall 36.7 % (20.0 % to 60.0 %)."
    )


def test_of_many_equally_hard_classes_three_are_named() -> None:
    (sentence,), _ = blocks_of(cell("lenet", 0, 0, 0, 0, 0, 9))
    assert sentence == "Hardest on fruit: kind 0, kind 1, kind 2 and 2 more, recall 0.0 %."


def test_equal_classes_are_not_called_hard() -> None:
    (sentence,), _ = blocks_of(cell("lenet", 10, 10, 10), cell("vgg16", 10, 10, 10))
    assert sentence == "fruit: no class is harder than another on average."


def test_of_more_than_30_classes_the_15_hardest_are_shown() -> None:
    right = [9] * 31
    right[20:30] = range(10)
    (sentence,), (table,) = blocks_of(cell("lenet", *right))
    assert (
        sentence
        == "Hardest on fruit: kind 20, recall 0.0 %. Only the 15 hardest of its 31 classes are shown."
    )
    assert [row[0] for row in table.rows[:9]] == [f"kind {i}" for i in range(20, 29)]
    assert len(table.rows) == 15


def test_30_classes_are_all_shown() -> None:
    (sentence,), (table,) = blocks_of(cell("lenet", 3, *[9] * 29))
    assert len(table.rows) == 30
    assert "Only" not in sentence


def test_a_class_without_test_photos_is_not_the_hardest() -> None:
    seen = (cell("lenet", 9, 5, 8), cell("vgg16", 10, 6, 7))
    kiwi = ClassReport("kiwi", 0.0, 0.0, 0.0, 0)
    (sentence,), (table,) = blocks_of(*(replace(each, classes=(kiwi, *each.classes)) for each in seen))
    assert (
        sentence
        == "Hardest on fruit on average of the networks: melon, mean recall 55.0 % (50.0 % to 60.0 %)."
    )
    assert table.rows[-1] == ("kiwi", "0", "–", "–", "–")


def test_each_data_set_has_its_own_table() -> None:
    sentences, tables = blocks_of(cell("lenet", 9, 5, 8), cell("lenet", 9, 8, 7, 6, data="kinds"))
    assert sentences == [
        "Hardest on fruit: melon, recall 50.0 %.",
        "Hardest on kinds: kind 3, recall 60.0 %.",
    ]
    assert [len(table.rows) for table in tables] == [3, 4]


def test_without_a_figure_nothing_is_said() -> None:
    assert blocks_of() == ([], [])
    assert classes_blocks(StudyResult(1, "s", "quick", "", "now", 1.0, MACHINE, {}, {}, (), ())) == ()
