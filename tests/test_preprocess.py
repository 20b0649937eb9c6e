"""Preprocess: geometry from any picture to the network's raw RGB."""

from __future__ import annotations

import numpy as np
import pytest

from edgecls.errors import DataError, UsageError
from edgecls.preprocess import LETTERBOX_GREY, Crop, Pixels, Preprocess


def plain(height: int, width: int, bgr: tuple[int, int, int] = (10, 120, 250)) -> Pixels:
    return np.full((height, width, 3), bgr, np.uint8)


def columns(height: int, width: int) -> Pixels:
    """A picture whose value is its column."""
    row = np.arange(width, dtype=np.uint8)
    return np.broadcast_to(row[None, :, None], (height, width, 3)).copy()


@pytest.mark.parametrize("crop", Crop)
@pytest.mark.parametrize("size", [(480, 640), (640, 480), (32, 48), (7, 300), (1, 1), (1080, 1920)])
def test_any_picture_becomes_uint8_rgb_of_the_networks_size(crop: Crop, size: tuple[int, int]) -> None:
    pixels = Preprocess(height=96, width=128, crop=crop).apply(plain(*size))
    assert pixels.shape == (96, 128, 3)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous


def test_bgr_becomes_rgb() -> None:
    pixels = Preprocess(8, 8).apply(plain(8, 8, (10, 120, 250)))
    assert pixels[4, 4].tolist() == [250, 120, 10]


def test_a_picture_of_the_right_size_is_not_resampled() -> None:
    frame = np.random.default_rng(1).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    assert (Preprocess(24, 24).apply(frame) == frame[..., ::-1]).all()


def test_the_frame_given_is_left_as_it_was() -> None:
    frame = np.random.default_rng(1).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    before = frame.copy()
    Preprocess(24, 24).apply(frame)[:] = 0
    assert (frame == before).all()


def test_centre_takes_the_middle_of_a_wide_picture() -> None:
    pixels = Preprocess(60, 60, Crop.CENTRE).apply(columns(60, 100))
    assert pixels[0, :, 0].tolist() == list(range(20, 80))


def test_centre_takes_the_middle_of_a_tall_picture() -> None:
    pixels = Preprocess(60, 60, Crop.CENTRE).apply(columns(60, 100).transpose(1, 0, 2))
    assert pixels[:, 0, 0].tolist() == list(range(20, 80))


def test_centre_keeps_the_networks_aspect_ratio() -> None:
    pixels = Preprocess(50, 100, Crop.CENTRE).apply(columns(200, 100))
    assert pixels[0, :, 0].tolist() == list(range(100))


def test_letterbox_keeps_the_whole_picture_between_grey_bars() -> None:
    pixels = Preprocess(80, 80, Crop.LETTERBOX).apply(plain(40, 80))
    assert (pixels[:20] == LETTERBOX_GREY).all()
    assert (pixels[60:] == LETTERBOX_GREY).all()
    assert (pixels[20:60] == [250, 120, 10]).all()


def test_squash_keeps_both_edges_of_a_wide_picture() -> None:
    frame = plain(50, 200, (0, 0, 0))
    frame[:, :20], frame[:, -20:] = 100, 200
    pixels = Preprocess(50, 50, Crop.SQUASH).apply(frame)
    assert (pixels[:, 0] == 100).all()
    assert (pixels[:, -1] == 200).all()


@pytest.mark.parametrize("size", [(300, 300), (450, 450), (720, 720), (1080, 1080)])
def test_shrinking_averages_so_that_fine_patterns_turn_grey_and_do_not_alias(size: tuple[int, int]) -> None:
    frame = plain(*size, (0, 0, 0))
    frame[::2, ::2] = frame[1::2, 1::2] = 255
    pixels = Preprocess(100, 100).apply(frame)
    assert abs(float(pixels.mean()) - 127.5) < 4
    assert float(pixels.std()) < 40  # the checkerboard itself has 127.5


def test_growing_interpolates_between_pixels() -> None:
    frame = np.zeros((2, 2, 3), np.uint8)
    frame[:, 1] = 200
    row = Preprocess(8, 8, Crop.SQUASH).apply(frame)[0, :, 0].astype(int)
    assert (np.diff(row) >= 0).all()
    assert len(set(row.tolist())) > 2


def test_a_part_of_a_larger_array_gives_the_same_as_its_copy() -> None:
    whole = np.random.default_rng(2).integers(0, 256, (90, 90, 3), dtype=np.uint8)
    part = whole[10:70, 20:80]
    preprocess = Preprocess(32, 32)
    assert (preprocess.apply(part) == preprocess.apply(part.copy())).all()


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
    ],
    ids=["grey", "four channels", "float", "no pixels"],
)
def test_what_is_no_frame_is_refused(frame: Pixels) -> None:
    with pytest.raises(DataError, match="a frame must be uint8 of shape"):
        Preprocess(8, 8).apply(frame)


@pytest.mark.parametrize(("height", "width"), [(0, 8), (8, -1)])
def test_a_size_that_is_not_positive_is_wrong_use(height: int, width: int) -> None:
    with pytest.raises(UsageError, match="must be positive"):
        Preprocess(height, width)
