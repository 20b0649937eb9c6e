"""Augmented views: other than the photo, the same for the same seed, and still pictures."""

from __future__ import annotations

import numpy as np
import pytest

from edgecls.training.augment import Augmentation, augment, augment_batch

PICTURE = np.random.default_rng(0).integers(0, 256, (40, 24, 3), np.uint8)
STILL = Augmentation(zoom=(1, 1), rotation=0, shift=0, gain=(1, 1), bias=0, flip=False)


def generator(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_view_is_a_picture_of_the_same_shape_and_dtype() -> None:
    view = augment(PICTURE, generator(), Augmentation())
    assert view.shape == (40, 24, 3)
    assert view.dtype == np.uint8


def test_the_same_seed_gives_the_same_view_and_another_seed_another() -> None:
    first = augment(PICTURE, generator(1), Augmentation())
    assert np.array_equal(first, augment(PICTURE, generator(1), Augmentation()))
    assert not np.array_equal(first, augment(PICTURE, generator(2), Augmentation()))


def test_the_photo_itself_is_not_changed() -> None:
    before = PICTURE.copy()
    augment(PICTURE, generator(), Augmentation())
    assert np.array_equal(PICTURE, before)


def test_without_ranges_a_view_is_the_photo() -> None:
    assert np.array_equal(augment(PICTURE, generator(), STILL), PICTURE)


def test_mirroring_happens_in_about_half_of_the_views() -> None:
    mirror = Augmentation(zoom=(1, 1), rotation=0, shift=0, gain=(1, 1), bias=0, flip=True)
    random = generator()
    views = [augment(PICTURE, random, mirror) for _ in range(100)]
    mirrored = sum(np.array_equal(view, PICTURE[:, ::-1]) for view in views)
    assert 30 < mirrored < 70
    assert mirrored + sum(np.array_equal(view, PICTURE) for view in views) == 100


@pytest.mark.parametrize(("gain", "bias"), [((3.0, 3.0), 0.0), ((1.0, 1.0), 0.0), ((0.0, 0.0), 0.0)])
def test_light_is_clipped_and_never_wraps_around(gain: tuple[float, float], bias: float) -> None:
    lit = Augmentation(zoom=(1, 1), rotation=0, shift=0, gain=gain, bias=bias, flip=False)
    expected = np.clip(PICTURE.astype(np.float64) * gain[0], 0, 255).astype(np.uint8)
    assert np.array_equal(augment(PICTURE, generator(), lit), expected)


def test_every_picture_of_a_batch_gets_a_view_of_its_own() -> None:
    batch = np.stack([np.tile(PICTURE, (4, 4, 1))] * 4)
    views = augment_batch(batch, generator(), flip=True)
    assert views.shape == batch.shape
    assert views.dtype == np.uint8
    assert len({view.tobytes() for view in views}) == 4


def test_small_pictures_are_shifted_by_whole_pixels_and_never_blurred() -> None:
    small = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), np.uint8)
    views = augment_batch(small, generator(), flip=False)
    for view, picture in zip(views, small, strict=True):
        inner = view[8:24, 8:24]
        places = [(y, x) for y in range(4, 13) for x in range(4, 13)]
        assert any(np.array_equal(inner, picture[y : y + 16, x : x + 16]) for y, x in places)


@pytest.mark.parametrize("side", [32, 96])
def test_cutout_covers_a_square_of_that_share_around_any_pixel(side: int) -> None:
    batch = np.random.default_rng(0).integers(0, 256, (200, side, side, 3), np.uint8)
    plain = augment_batch(batch, generator(), flip=True)
    covered = (augment_batch(batch, generator(), flip=True, cutout=0.5) != plain).any(axis=3)
    heights, widths = covered.any(axis=2).sum(axis=1), covered.any(axis=1).sum(axis=1)
    assert max(heights) == max(widths) == side // 2
    assert min(heights) < side // 2  # some stand partly outside
    for mask, view in zip(covered, augment_batch(batch, generator(), flip=True, cutout=0.5), strict=True):
        assert np.ptp(view[mask].astype(int), axis=0).max() == 0  # one colour


@pytest.mark.parametrize("side", [32, 96])
def test_without_flip_no_view_is_mirrored(side: int) -> None:
    """A digit or a letter that is mirrored is another one."""
    ramp = np.tile(np.linspace(40, 200, side, dtype=np.uint8)[None, :, None], (side, 1, 3))
    views = augment_batch(np.stack([ramp] * 30), generator(), flip=False).astype(int)
    rises = views[:, side // 4 : 3 * side // 4, side // 4 : 3 * side // 4].mean(axis=(1, 3))
    assert (rises[:, -1] > rises[:, 0]).all()
