"""View: pictures turned and cut before anything else sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgecls.errors import DataError, UsageError
from edgecls.runtime.sources.grammar import Asked, open_source
from edgecls.runtime.sources.view import Region


@pytest.fixture
def corners(tmp_path: Path) -> Path:
    """A picture of 6x4 pixels whose upper left is 10, upper right 20, lower right 30, lower left 40."""
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[:2, :3], pixels[:2, 3:], pixels[2:, 3:], pixels[2:, :3] = 10, 20, 30, 40
    path = tmp_path / "corners.png"
    path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    return path


def seen(path: Path, **asked: Any) -> np.ndarray:
    with open_source(str(path), Asked(**asked)) as source:
        return next(iter(source)).pixels[:, :, 0]


@pytest.mark.parametrize(
    ("degrees", "upper", "shape"),
    [(0, [10, 20], (4, 6)), (90, [40, 10], (6, 4)), (180, [30, 40], (4, 6)), (270, [20, 30], (6, 4))],
)
def test_a_picture_is_turned_clockwise(
    corners: Path, degrees: int, upper: list[int], shape: tuple[int, int]
) -> None:
    found = seen(corners, rotate=degrees)
    assert found.shape == shape
    assert [found[0, 0], found[0, -1]] == upper


def test_a_region_is_cut_from_the_turned_picture(corners: Path) -> None:
    assert np.unique(seen(corners, roi="3x2+3+0")).tolist() == [20]
    assert np.unique(seen(corners, roi="2x3+2+0", rotate=90)).tolist() == [10]


def test_a_region_outside_the_picture_says_what_there_is(corners: Path) -> None:
    with pytest.raises(DataError, match=r"3x2\+4\+0, found one of 6x4"):
        seen(corners, roi="3x2+4+0")


@pytest.mark.parametrize("text", ["", "640x480", "0x5+1+1", "axb+c+d", "640x480-1+0", "640x480+1+1 "])
def test_other_words_for_a_region_are_wrong_use(text: str) -> None:
    with pytest.raises(UsageError, match=r"WIDTHxHEIGHT\+X\+Y"):
        Region.parse(text)


def test_a_turn_by_another_angle_is_wrong_use(corners: Path) -> None:
    with pytest.raises(UsageError, match="0, 90, 180 or 270"):
        seen(corners, rotate=45)
