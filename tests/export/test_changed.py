"""Changed photos: those whose answer int8 changed, the surest first, small, and no others."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edgecls.data import Loaded
from edgecls.export.changed import MOST, SIDE, write_changed
from edgecls.export.judging import Tested
from edgecls.manifest import Measurement, Variant
from edgecls.metrics import Probabilities, compare, top1
from edgecls.photos import Photo
from edgecls.tensors import TensorSpec


def answers(*best: tuple[int, float]) -> Probabilities:
    """A row for each (class, probability) of three classes; the others share the rest."""
    rows = np.array([[(1 - p) / 2] * 3 for _, p in best], np.float32)
    for row, (winner, p) in zip(rows, best, strict=True):
        row[winner] = p
    return rows


FLOAT = answers((0, 0.9), (1, 0.5), (2, 0.8), (0, 0.6))
INT8 = answers((0, 0.9), (2, 0.5), (0, 0.8), (0, 0.6))
TRUTH = np.array([0, 1, 0, 0])


def loaded(n: int, side: int = 200) -> Loaded:
    pixels = np.zeros((n, side, side // 2, 3), np.uint8)
    pixels[:, :, :, 0] = 255  # red, as RGB
    return Loaded(
        pixels,
        TRUTH[:n] if n <= 4 else np.zeros(n, np.int64),
        tuple(Photo(f"{i}", 0, f"{i}") for i in range(n)),
        (),
    )


def variant(precision: str, format: str = "tflite") -> Variant:
    figures = Measurement("x", top1(FLOAT, TRUTH), compare(FLOAT, INT8, TRUTH), "litert 2", "native")
    spec = TensorSpec("t", (1, 3), "float32")
    return Variant(
        f"model.{precision}.{format}", format, precision, "0" * 64, 1, spec, spec, figures, figures
    )


def answered(float_answers: Probabilities, int8_answers: Probabilities, truth: np.ndarray) -> Tested:
    probabilities = {"model.float32.tflite": float_answers, "model.int8.tflite": int8_answers}
    return Tested((variant("float32"), variant("int8")), probabilities, truth)


def test_the_photo_of_which_float_was_surest_comes_first(tmp_path: Path) -> None:
    changed = write_changed(tmp_path, answered(FLOAT, INT8, TRUTH), loaded(4))
    assert [(one.label, one.before, one.after) for one in changed] == [(0, 2, 0), (1, 1, 2)]
    assert [one.margin for one in changed] == pytest.approx([0.7, 0.25])
    assert {one.variant for one in changed} == {"tflite int8"}


def test_a_kept_photo_is_small_and_has_its_colours(tmp_path: Path) -> None:
    (first, _) = write_changed(tmp_path, answered(FLOAT, INT8, TRUTH), loaded(4))
    picture = cv2.imread(str(tmp_path / first.file))
    assert picture is not None
    assert picture.shape[:2] == (SIDE, SIDE // 2)
    blue, green, red = picture.mean(axis=(0, 1))
    assert red > 240
    assert max(blue, green) < 15


def test_no_more_are_kept_than_can_be_looked_at(tmp_path: Path) -> None:
    n = MOST + 10
    all_changed = answered(answers(*[(0, 0.6)] * n), answers(*[(1, 0.6)] * n), np.zeros(n, np.int64))
    assert len(write_changed(tmp_path, all_changed, loaded(n, side=16))) == MOST
    assert len(list((tmp_path / "changed").iterdir())) == MOST


def test_without_a_change_or_without_int8_nothing_is_kept(tmp_path: Path) -> None:
    assert write_changed(tmp_path, answered(FLOAT, FLOAT, TRUTH), loaded(4)) == ()
    alone = Tested((variant("float32"),), {"model.float32.tflite": FLOAT}, TRUTH)
    assert write_changed(tmp_path, alone, loaded(4)) == ()
    assert list(tmp_path.iterdir()) == []
