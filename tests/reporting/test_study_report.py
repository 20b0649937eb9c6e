"""The report of a study: the figures of its cells, the document's beside them, claims tested, pictures as files."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from edgecls.machine import Machine
from edgecls.metrics import balanced_accuracy, class_reports, wilson
from edgecls.reporting.study_report import write_study_report
from edgecls.studies.result import CellName, CellResult, LatencyResult, Predictions, StudyResult
from edgecls.studies.study import Budget, Data, DocumentFigure, Grid, Regime, Study
from edgecls.training.options import TrainingOptions, make_config

pytest.importorskip("jinja2", reason="needs the report extra")
pytest.importorskip("matplotlib", reason="needs the report extra")

LABELS = ("pears & quinces", "melon", "<b>orange</b>", "satsuma")
PHOTOS = 200
MACHINE = Machine("AMD EPYC 7B13", "AMD EPYC 7B13", "x86_64", 2, 7960, "Debian 12", "3.11.7", "vnni")
# network: parameters, multiply-adds, float ms, int8 ms
COSTS: dict[str, tuple[int, int, float, float | None]] = {
    "lenet": (62_000, 420_000, 0.05, 0.04),
    "alexnet": (2_470_000, 54_000_000, 0.9, 0.5),
    "resnet18": (11_180_000, 148_000_000, 2.1, 1.2),
    "vgg16": (14_720_000, 1_250_000_000, 15.5, 7.0),
    "vgg19": (20_030_000, 1_600_000_000, 19.6, None),
    "enet": (360_000, 33_000_000, 1.9, 1.1),
}


def cell(network: str, regime: str, share: float, *, data: str = "groceries") -> CellResult:
    """A cell whose first photos are right and the others taken for the next class."""
    truth = np.arange(PHOTOS) % len(LABELS)
    right = np.random.default_rng(len(network) + len(regime)).permutation(PHOTOS) < round(share * PHOTOS)
    predicted = np.where(right, truth, (truth + 1) % len(LABELS))
    matrix = np.zeros((len(LABELS), len(LABELS)), np.int64)
    np.add.at(matrix, (truth, predicted), 1)
    reports = class_reports(matrix, LABELS)
    parameters, operations, _, _ = COSTS[network]
    history = tuple(share * (1 - 0.8**i) for i in range(1, 7))
    return CellResult(
        name=CellName(data, network, regime, 0),
        key=f"{network}-{regime}",
        config=make_config(TrainingOptions(network=network, regime="scratch", size=64)),
        created="2026-11-22T12:00:00+00:00",
        machine=MACHINE,
        versions={},
        photos={"train": 300, "validation": 57, "test": PHOTOS},
        test=wilson(int(right.sum()), PHOTOS),
        balanced_accuracy=balanced_accuracy(matrix),
        weighted_f1=0.5,
        classes=reports,
        matrix=tuple(tuple(int(count) for count in row) for row in matrix),
        predictions=Predictions(
            tuple(map(str, range(PHOTOS))), tuple(map(int, truth)), tuple(map(int, predicted))
        ),
        history={"accuracy": history, "val_accuracy": tuple(0.9 * value for value in history)},
        seconds={"total": 130.0},
        parameters=parameters,
        multiply_adds=operations,
        weights_from="random initialisation",
    )


def latency(of: CellResult) -> LatencyResult:
    parameters, operations, float_ms, int8_ms = COSTS[of.name.network]
    return LatencyResult(
        network=of.config.network,
        size=of.config.size,
        threads=1,
        parameters=parameters,
        multiply_adds=operations,
        float_ms=float_ms,
        float_p95_ms=1.1 * float_ms,
        int8_ms=int8_ms,
        int8_p95_ms=None,
        float_bytes=4 * parameters,
        int8_bytes=parameters,
        note="" if int8_ms else "int8 could not be made: the file is too large",
        head=of.config.head,
        classes=len(LABELS),
        cell=of.name,
        float_top1=of.test,
        int8_top1=wilson(round(0.6 * PHOTOS), PHOTOS) if int8_ms else None,
    )


def made_study(*documents: DocumentFigure) -> Study:
    regimes = {"frozen": Regime({"regime": "head"}), "unfrozen": Regime({"regime": "two-stage"})}
    return Study(
        name="made",
        title="Made up",
        document="A document about photos of tanks.",
        question="Does unfreezing help?",
        options={},
        networks={},
        regimes=regimes,
        data={"groceries": Data(note="stands for the tanks"), "cifar10": Data()},
        grid=(Grid(tuple(COSTS), tuple(regimes), ("groceries",)),),
        budgets={"quick": Budget(photos={"train": 300, "test": 200}), "full": Budget()},
        documents=documents,
    )


def made_result(*cells: CellResult, timed: bool = True, budget: str = "quick") -> StudyResult:
    once = {c.name.network: c for c in cells if c.test}.values() if timed else ()
    return StudyResult(
        schema=1,
        study="made",
        budget=budget,
        command="edgecls study studies/made.toml --budget quick",
        created="2026-11-22T12:30:00+00:00",
        seconds=754.0,
        machine=MACHINE,
        versions={"edgecls": "0.2.0", "tensorflow": "2.21.0"},
        labels={"groceries": LABELS, "cifar10": LABELS},
        cells=cells,
        latencies=tuple(latency(c) for c in once),
    )


SIX = tuple(
    cell(network, "unfrozen", share)
    for network, share in zip(COSTS, (0.4, 0.55, 0.7, 0.8, 0.84, 0.68), strict=True)
)
FAILED = replace(cell("vgg16", "frozen", 0.5), failure="weights/vgg16.weights.h5: expected a file", test=None)
MILITARY = (
    DocumentFigure("vgg16", "frozen", "military", 0.6667, "groceries"),
    DocumentFigure("vgg16", "unfrozen", "military", 0.7333, "groceries"),
)


class Cells(HTMLParser):
    """Reads a page: its words, and its tables as rows of cells."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.rows = "", list[list[str]]()
        self._inside = False
        self.feed(page.replace("\u00a0", " "))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        self._inside = tag in ("td", "th") or self._inside

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._inside:
            self.rows[-1][-1] += data

    def row(self, *start: str) -> list[str]:
        return next(row for row in self.rows if row[: len(start)] == list(start))


def page_of(folder: Path, study: Study, result: StudyResult) -> Cells:
    return Cells(write_study_report(folder, study, result).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of six networks that were timed; its question would be a script."""
    study = replace(made_study(), question="<script>alert(1)</script>")
    return write_study_report(tmp_path_factory.mktemp("six"), study, made_result(*SIX))


@pytest.fixture(scope="module")
def six_page(six: Path) -> Cells:
    return Cells(six.read_text(encoding="utf-8"))


def test_the_table_has_our_figures_and_the_documents_beside_them(tmp_path: Path) -> None:
    cells = (cell("vgg16", "frozen", 0.7), cell("vgg16", "unfrozen", 0.8))
    page = page_of(tmp_path, made_study(*MILITARY), made_result(*cells))
    row = page.row("vgg16, frozen")
    assert row[1:5] == ["200", "70.0 %", "63.3–75.9", "66.7 % (military)"]
    assert row[7:11] == ["2 min 10 s", "14.7 M", "1.25 G", "4.76"]
    assert row[11:] == ["15.5", "7.00", "–"]
    assert page.row("vgg16, unfrozen")[-1] == "60.0 %"


def test_figures_on_other_photos_are_said_to_be_so(tmp_path: Path) -> None:
    page = page_of(tmp_path, made_study(*MILITARY), made_result(*SIX))
    assert "The document's figures beside groceries were obtained on other photos (military)" in page.text
    assert "at most 300 train, 200 test photos of each data set." in page.text
    assert "The document had the whole sets." not in page.text


def test_figures_on_the_same_data_set_need_no_warning(tmp_path: Path) -> None:
    study = made_study(DocumentFigure("vgg16", "unfrozen", "groceries", 0.9))
    page = page_of(tmp_path, study, made_result(*SIX, budget="full"))
    assert page.row("vgg16, unfrozen")[4] == "90.0 % (same)"
    assert "obtained on other photos" not in page.text


def test_a_data_set_of_another_name_in_the_same_place_is_the_same_set(tmp_path: Path) -> None:
    study = replace(
        made_study(DocumentFigure("vgg16", "unfrozen", "cifar10", 0.9, "few")),
        data={"few": Data(path="data/cifar10")},
    )
    result = replace(made_result(cell("vgg16", "unfrozen", 0.8, data="few")), labels={})
    page = page_of(tmp_path, study, result)
    assert page.row("vgg16, unfrozen")[4] == "90.0 % (same)"
    assert "The document had the whole sets." in page.text


def test_regimes_that_saw_the_same_photos_are_compared_with_the_document(tmp_path: Path) -> None:
    cells = (cell("vgg16", "frozen", 0.6), cell("vgg16", "unfrozen", 0.8))
    page = page_of(tmp_path, made_study(*MILITARY), made_result(*cells))
    row = page.row("vgg16, unfrozen", "frozen", "groceries")
    assert row[3:5] == ["200", "+20.0"]
    assert row[-2:] == ["< 0.001", "+6.7 (military)"]
    assert "vgg16 on groceries: unfrozen against frozen +20.0 points (" in page.text
    assert "; document: +6.7 on military." in page.text


def test_a_difference_that_may_be_chance_is_called_undecided(tmp_path: Path) -> None:
    cells = (cell("vgg16", "frozen", 0.795), cell("vgg16", "unfrozen", 0.8))
    page = page_of(tmp_path, made_study(), made_result(*cells))
    assert "not decided by these photos" in page.text


def test_a_failed_cell_is_a_sentence_and_its_row_stays(tmp_path: Path) -> None:
    page = page_of(tmp_path, made_study(*MILITARY), made_result(FAILED, *SIX))
    row = page.row("vgg16, frozen")
    assert row[2] == "failed"
    assert row[4] == "66.7 % (military)"
    assert "vgg16, frozen on groceries: weights/vgg16.weights.h5: expected a file" in page.text
    assert "1 of 7 cells failed" in page.text


def test_a_study_without_any_figure_still_has_a_page(tmp_path: Path) -> None:
    page = page_of(tmp_path, made_study(), made_result(FAILED, timed=False))
    assert "No cell has a figure" in page.text


def test_the_reviews_claims_are_tested_with_four_networks(six_page: Cells) -> None:
    assert "Operations estimate the time: holds well. A straight line over 6 classifiers" in six_page.text
    assert "Worst outlier: lenet is" in six_page.text
    assert "Accuracy and time are hyperbolic:" in six_page.text
    # By hand: 68 points / 0.36 M = 188.9; 55 / 2.47 = 22.27; 84 / 20.03 = 4.194
    assert six_page.row("alexnet", "groceries")[2:] == ["189", "22.3", "8.5", "13"]
    assert six_page.row("vgg19", "groceries")[2:] == ["189", "4.19", "45.0", "24"]
    assert (
        "Accuracy for each parameter on groceries: ENet has 8.5 times alexnet's (document: 13) and 45.0 times vgg19's "
        "(document: 24)."
    ) in six_page.text.replace("&#39;", "'")


def test_three_networks_test_no_claim(tmp_path: Path) -> None:
    page = page_of(tmp_path, made_study(), made_result(*SIX[2:5]))
    assert "The review's claims" not in page.text
    assert not (tmp_path / "pictures/latency-operations.svg").exists()


def test_slower_networks_that_are_worse_contradict_the_hyperbola(tmp_path: Path) -> None:
    shares = (0.9, 0.5, 0.4, 0.3, 0.3, 0.5)
    worse = [cell(network, "unfrozen", share) for network, share in zip(COSTS, shares, strict=True)]
    page = page_of(tmp_path, made_study(), made_result(*worse))
    assert "Accuracy and time are hyperbolic: not on groceries" in page.text


def test_the_page_has_the_recall_of_each_class(six_page: Cells) -> None:
    assert "Accuracy of each class" in six_page.text
    row = six_page.row("satsuma", "50")
    assert row[2:-1] == [f"{100 * each.classes[3].recall:.1f}" for each in SIX]


def test_every_picture_of_the_page_lies_beside_it_as_a_file(six: Path) -> None:
    pictures = six.parent / "pictures"
    inside = re.findall(r"svg\+xml;base64,([^\"]+)", six.read_text(encoding="utf-8"))
    files = {file.read_bytes() for file in pictures.iterdir()}
    assert {base64.b64decode(code) for code in inside} == files
    assert {file.name for file in pictures.iterdir()} == {
        "accuracy-latency-groceries.svg",
        "accuracy-operations-groceries.svg",
        "confusions-groceries.svg",
        "curves-groceries.svg",
        "latency-operations.svg",
    }
    for svg in files:
        xml.etree.ElementTree.fromstring(svg)


def test_the_page_loads_nothing_and_no_text_becomes_markup(six: Path) -> None:
    html = six.read_text(encoding="utf-8")
    assert "<script" not in html
    assert not re.findall(r"(?:src|href)=\"(?!data:)", html)


def test_the_page_says_how_it_was_made(six_page: Cells) -> None:
    for words in (
        "edgecls study studies/made.toml --budget quick",
        "AMD EPYC 7B13",
        "2026-11-22 12:30:00 UTC",
        "tensorflow 2.21.0",
        "300 train, 57 validation, 200 test",
        "12 min 34 s",
        "stands for the tanks",
    ):
        assert words in six_page.text


def test_networks_without_int8_are_explained(six_page: Cells) -> None:
    assert six_page.row("vgg19, unfrozen")[-3:] == ["19.6", "–", "–"]
    assert "vgg19 at 64 px: int8 could not be made" in six_page.text


def test_many_pairs_are_counted_with_the_sign_the_document_has(tmp_path: Path) -> None:
    networks = tuple(COSTS)[:5]
    cells = [cell(n, r, s) for n in networks for r, s in (("frozen", 0.4), ("unfrozen", 0.8))]
    page = page_of(tmp_path, made_study(*MILITARY), made_result(*cells))
    assert (
        "unfrozen against frozen, 5 pairs of cells: surely better in 5, surely worse in 0, not decided in 0; "
        "the document has the same sign in 1 of 1 decided ones." in page.text
    )
    assert "unfrozen surely better than frozen in 5 of 5 pairs" in page.text
