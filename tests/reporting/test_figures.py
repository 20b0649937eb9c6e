"""The pictures: labels that keep off each other, classes without photos, many classes, odd names."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest

from edgecls.metrics import ClassReport
from edgecls.reporting.figures import class_bars, confusion_matrix, learning_curves, scaled, shortened
from edgecls.reporting.label_fitting import Box, Place, Surface
from edgecls.reporting.scatter import accuracy_latency
from edgecls.reporting.training_report import TrainingReport
from edgecls.runs import History
from edgecls.runtime.benchmark_result import BenchResult

pytest.importorskip("matplotlib", reason="needs the report extra")

PAGE = Box(0, 0, 800, 450)


def texts(svg: bytes) -> list[str]:
    """The words of a picture, in their order."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg.decode())


def fitted(marks: list[tuple[float, float]]) -> list[Place]:
    """Labels of 90 x 14 pixels placed one after the other."""
    surface = Surface(PAGE, tuple(Box(x, y, x, y).grown(7) for x, y in marks), ())
    for x, y in marks:
        surface = surface.with_label(surface.best_place(x, y, width=90, height=14, scale=1.4))
    return list(surface.labels)


@pytest.mark.parametrize(
    "marks",
    [
        [(400, 200), (404, 200), (408, 201), (400, 203), (396, 199), (402, 196)],
        [(5, 5), (5, 445), (795, 5), (795, 445)],
        [(100 + 3 * i, 200 + i % 3) for i in range(14)],
    ],
    ids=["a heap", "the corners", "a row"],
)
def test_labels_overlap_no_label_and_stay_on_the_page(marks: list[tuple[float, float]]) -> None:
    boxes = [place.box for place in fitted(marks)]
    assert all(one.overlap(other) == 0 for one, other in combinations(boxes, 2))
    assert all(box.overlap(PAGE) == pytest.approx(box.area) for box in boxes)


def test_a_lonely_label_stands_beside_its_mark() -> None:
    [place] = fitted([(400, 200)])
    assert place.distance < 80
    assert not place.box.holds((400, 200))


def test_the_scatter_names_every_variant_once(bench: BenchResult) -> None:
    words = texts(accuracy_latency(bench))
    keys = {row.key for row in bench.rows}
    assert len(keys) == 6
    assert all(words.count(key) == 1 for key in keys)


def test_a_wide_range_of_latencies_gets_a_logarithmic_axis_with_plain_numbers(
    make_bench: Callable[..., BenchResult],
) -> None:
    wide = make_bench(("model.float32.tflite", 1, 4.0, 150), ("model.int8.tflite", 1, 90.0, 150))
    assert {"5", "10", "20", "50", "100"} <= set(texts(accuracy_latency(wide)))


@pytest.mark.parametrize("hits", [0, 150, 200])
def test_a_single_row_is_a_picture_too(make_bench: Callable[..., BenchResult], hits: int) -> None:
    words = texts(accuracy_latency(make_bench(("model.int8.tflite", 1, 8.0, hits))))
    assert "tflite int8" in words


def test_the_same_figures_give_the_same_bytes(bench: BenchResult) -> None:
    assert accuracy_latency(bench) == accuracy_latency(bench)


def test_a_png_is_a_png(bench: BenchResult) -> None:
    assert accuracy_latency(bench, "png").startswith(b"\x89PNG")


def test_curves_that_are_absent_are_left_out(training: TrainingReport) -> None:
    whole = texts(learning_curves(training.history))
    assert whole.count("training") == whole.count("validation") == 2
    alone: History = {"loss": (0.5, 0.4), "accuracy": (0.7, 0.8)}
    assert texts(learning_curves(alone)).count("validation") == 0


def test_an_epoch_that_diverged_is_a_gap_in_its_curve(training: TrainingReport) -> None:
    broken: History = {"loss": (0.5, None, 0.4), "accuracy": (0.7, 0.8, 0.8)}
    assert scaled(broken["loss"], 2.0) == pytest.approx([1.0, float("nan"), 0.8], nan_ok=True)
    assert texts(learning_curves(broken)).count("training") == 2


def test_a_confusion_matrix_writes_counts_for_thirty_classes_and_not_for_more() -> None:
    def counts(classes: int) -> int:
        matrix = 7777 * np.eye(classes, dtype=np.int64)
        return texts(confusion_matrix(matrix, [f"c{i}" for i in range(classes)])).count("7777")

    assert counts(30) == 30
    assert counts(31) == 0


def test_every_class_is_named_up_to_sixty_and_every_second_of_a_hundred() -> None:
    def named(classes: int) -> int:
        words = texts(confusion_matrix(np.eye(classes, dtype=np.int64), [f"c{i}" for i in range(classes)]))
        return sum(word.startswith("c") for word in words)

    assert named(60) == 2 * 60
    assert named(100) == 2 * 50


@pytest.mark.filterwarnings("error")
def test_a_class_without_photos_breaks_neither_matrix_nor_bars(without_chips: TrainingReport) -> None:
    assert "chips" in texts(confusion_matrix(without_chips.matrix, without_chips.labels))
    words = texts(class_bars(without_chips.class_reports))
    assert words.count("no photos") == 1


def test_the_hardest_class_comes_first_and_the_one_without_photos_last() -> None:
    reports = (
        ClassReport("easy", 0.9, 0.9, 0.9, support=10),
        ClassReport("absent", 0, 0, 0, support=0),
        ClassReport("hard", 0.9, 0.1, 0.2, support=10),
    )
    words = texts(class_bars(reports))
    assert [word for word in words if word in ("easy", "absent", "hard")] == ["hard", "easy", "absent"]


@pytest.mark.filterwarnings("error")
def test_names_that_look_like_formulas_or_markup_are_drawn_as_they_are() -> None:
    names = ["$5 or $10", "<script>", "a_b^c", "リンゴ", "яблоко"]
    words = texts(confusion_matrix(np.eye(5, dtype=np.int64), names))
    assert {"$5 or $10", "&lt;script&gt;", "a_b^c", "リンゴ", "яблоко"} <= set(words)


def test_a_long_name_is_cut_for_the_axis() -> None:
    assert shortened("x" * 24) == "x" * 24
    assert shortened("x" * 25) == "x" * 23 + "…"
