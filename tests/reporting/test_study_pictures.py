"""The pictures of a study: the curve of accuracy over time that is fitted, and whose confusions are shown."""

from __future__ import annotations

import re
import xml.etree.ElementTree

import numpy as np
import pytest

from edgecls.machine import Machine
from edgecls.metrics import class_reports, wilson
from edgecls.reporting.drawing import BLUE
from edgecls.reporting.page import Picture
from edgecls.reporting.study_claims import claims_blocks, fit_accuracy, hyperbola_sentences
from edgecls.reporting.study_pictures import latency_pictures, matrix_pictures
from edgecls.reporting.study_scatter import FIT
from edgecls.studies.result import CellName, CellResult, LatencyResult, StudyResult
from edgecls.training.options import TrainingOptions, make_config

pytest.importorskip("matplotlib", reason="needs the report extra")

MACHINE = Machine("AMD EPYC 7B13", "AMD EPYC 7B13", "x86_64", 2, 7960, "Debian 12", "3.11.7", "vnni")
LABELS = ("pear", "melon")
PHOTOS = 100
TIMES = {"lenet": 1.0, "alexnet": 2.0, "resnet18": 4.0, "vgg16": 8.0, "vgg19": 10.0}  # ms
RISING = (0.4, 0.6, 0.7, 0.75, 0.76)  # 80 points less 40 / ms, as exactly as 100 photos can
SVG = "{http://www.w3.org/2000/svg}"


def cell(network: str, share: float, *, regime: str = "tuned", seed: int = 0) -> CellResult:
    right = round(share * PHOTOS / 2)
    wrong = PHOTOS // 2 - right
    matrix = ((right, wrong), (wrong, right))
    return CellResult(
        name=CellName("fruit", network, regime, seed),
        key=f"{network}-{regime}",
        config=make_config(TrainingOptions(network=network, regime="scratch", size=64)),
        created="now",
        machine=MACHINE,
        versions={},
        test=wilson(round(share * PHOTOS), PHOTOS),
        classes=class_reports(np.array(matrix, np.int64), LABELS),
        matrix=matrix,
    )


def latency(of: CellResult) -> LatencyResult:
    return LatencyResult(
        network=of.config.network,
        size=of.config.size,
        threads=1,
        parameters=1,
        multiply_adds=1,
        float_ms=TIMES[of.name.network],
        float_p95_ms=11.0,
        int8_ms=TIMES[of.name.network] / 2,
        int8_p95_ms=None,
        float_bytes=4,
        int8_bytes=1,
        head=of.config.head,
        classes=len(LABELS),
        cell=of.name,
        float_top1=of.test,
        int8_top1=of.test,
    )


def made_result(*cells: CellResult) -> StudyResult:
    """The first cell of each network is the one that was timed."""
    first = {c.name.network: c for c in reversed(cells)}.values()
    latencies = tuple(latency(c) for c in first)
    labels: dict[str, tuple[str, ...]] = {"fruit": LABELS}
    return StudyResult(1, "s", "quick", "", "now", 1.0, MACHINE, {}, labels, cells, latencies)


def networks(*shares: float) -> tuple[CellResult, ...]:
    return tuple(cell(network, share) for network, share in zip(TIMES, shares, strict=False))


def curve_in(svg: bytes) -> list[tuple[float, float]]:
    """The corners of the fitted curve in the units of the picture; empty where there is none."""
    path = xml.etree.ElementTree.fromstring(svg).find(f".//{SVG}g[@id='{FIT}']/{SVG}path")
    corners = [] if path is None else re.findall(r"[ML] (\S+) (\S+)", path.get("d") or "")
    return [(float(x), float(y)) for x, y in corners]


def marks_in(svg: bytes) -> list[tuple[float, float]]:
    """Where the marks of float lie in the units of the picture, in the order of the networks."""
    uses = [use.attrib for use in xml.etree.ElementTree.fromstring(svg).iter(f"{SVG}use")]
    marks = [(float(use["x"]), float(use["y"])) for use in uses if f"fill: {BLUE}" in use.get("style", "")]
    return marks[: len(TIMES)]  # the last one is that of the legend


def latency_picture(*cells: CellResult) -> Picture:
    return latency_pictures(made_result(*cells))["accuracy-latency-fruit"]


def test_the_curve_of_the_sentence_is_drawn_and_named_below_the_picture() -> None:
    result = made_result(*networks(*RISING))
    (sentence,) = hyperbola_sentences(result)
    picture = latency_pictures(result)["accuracy-latency-fruit"]
    formula = "top-1 = 80.0 − 40 / ms points"
    assert formula in sentence
    assert f"Dashed: {formula}, fitted to each network's best cell in float." in picture.caption
    assert curve_in(picture.svg)


def test_the_curve_goes_from_the_fastest_mark_to_the_slowest() -> None:
    svg = latency_picture(*networks(*RISING)).svg
    curve, marks = curve_in(svg), marks_in(svg)
    assert curve[0] == pytest.approx(marks[0], abs=0.1)
    assert curve[-1] == pytest.approx(marks[-1], abs=0.1)


def test_the_curve_passes_a_best_cell_above_the_mark_of_the_one_made_int8() -> None:
    svg = latency_picture(cell("lenet", 0.2, regime="frozen"), *networks(*RISING)).svg
    curve, marks = curve_in(svg), marks_in(svg)
    assert curve[0][0] == pytest.approx(marks[0][0], abs=0.1)
    assert curve[0][1] < marks[0][1] - 10, "up is down in SVG"


@pytest.mark.parametrize("shares", [RISING[:3], (0.8, 0.7, 0.6, 0.5, 0.4)])
def test_without_a_fit_that_rises_no_curve_is_drawn(shares: tuple[float, ...]) -> None:
    picture = latency_picture(*networks(*shares))
    assert curve_in(picture.svg) == []
    assert "Dashed" not in picture.caption


def test_a_best_cell_that_was_not_made_int8_is_a_dot_of_the_fit() -> None:
    cells = (cell("lenet", 0.2, regime="frozen"), *networks(*RISING))
    fit = fit_accuracy(made_result(*cells), "fruit")
    assert fit is not None
    assert (1.0, 0.4) in fit.points
    dots = "Grey dots: best cells that were not made int8."
    assert dots in latency_picture(*cells).caption
    assert dots not in latency_picture(*networks(*RISING)).caption


def test_the_claims_name_the_curve_though_operations_tell_no_time() -> None:
    (bullets,) = claims_blocks(made_result(*networks(*RISING)))
    assert "Accuracy and time are hyperbolic: holds well" in str(bullets)


def confusions(*cells: CellResult) -> tuple[list[str], str]:
    """The titles of the confusion matrices, and what stands below them."""
    picture = matrix_pictures(made_result(*cells))["confusions-fruit"]
    return re.findall(r">((?:lenet|alexnet|vgg16)[^<]*)<", picture.svg.decode()), picture.caption


def grid(*names: str, regimes: int, seeds: int = 1) -> tuple[CellResult, ...]:
    return tuple(
        cell(name, 0.5, regime=f"regime {r}", seed=s)
        for name in names
        for r in range(regimes)
        for s in range(seeds)
    )


def test_up_to_6_cells_all_have_their_confusions_shown() -> None:
    titles, caption = confusions(*grid("lenet", "vgg16", regimes=3))
    assert titles == [f"{network}, regime {r}" for network in ("lenet", "vgg16") for r in range(3)]
    assert "fruit, all cells:" in caption


def test_of_more_than_6_cells_each_networks_best_is_shown() -> None:
    titles, caption = confusions(*grid("lenet", "vgg16", regimes=3), cell("lenet", 0.9))
    assert titles == ["lenet, tuned", "vgg16, regime 0"]
    assert "fruit, each network's best cell:" in caption


def test_all_regimes_of_a_single_network_are_shown() -> None:
    titles, caption = confusions(*grid("lenet", regimes=7))
    assert titles == [f"lenet, regime {r}" for r in range(7)]
    assert "all cells" in caption


def test_of_many_seeds_of_one_regime_the_best_is_shown() -> None:
    titles, _ = confusions(*grid("lenet", regimes=1, seeds=7))
    assert titles == ["lenet, regime 0, seed 0"]
