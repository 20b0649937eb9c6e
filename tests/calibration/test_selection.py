"""The calibration set: from the training photos, every class by its share, what differs most, nothing twice."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from edgecls.calibration.selection import MIN_COUNT, CalibrationSet, choose_calibration
from edgecls.errors import DataError
from edgecls.photos import Photo
from edgecls.preprocess import Pixels, Preprocess

LABELS = ("a", "b", "c")
SMALL = Preprocess(16, 16)


def picture(seed: int) -> Pixels:
    """Four by four blocks of random colours: no two seeds are alike."""
    blocks = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return blocks.repeat(4, axis=0).repeat(4, axis=1)


def photo(name: str, label: int, pixels: Pixels) -> Photo:
    return Photo(name, label, f"digest of {name}", pixels=pixels)


def photos(*counts: int) -> list[Photo]:
    """So many photos of each class, all different."""
    return [
        photo(f"{c}/{i}", c, picture(1000 * c + i)) for c, count in enumerate(counts) for i in range(count)
    ]


def choose(there: list[Photo], count: int = 200, seed: int = 0) -> CalibrationSet:
    return choose_calibration(there, SMALL, LABELS, count=count, seed=seed)


def test_the_fair_half_has_every_class_by_its_share() -> None:
    drawn = choose(photos(300, 80, 20), count=80).photos
    assert len(drawn) == 80
    found = Counter(one.label for one in drawn[:40])
    assert 25 <= found[0] <= 35
    assert found[1] >= 4


def test_the_other_half_takes_classes_in_turn_so_that_a_rare_one_is_well_shown() -> None:
    drawn = choose(photos(300, 20), count=60).photos
    assert Counter(one.label for one in drawn)[1] >= 10


def test_all_photos_are_taken_when_there_are_no_more() -> None:
    drawn = choose(photos(7, 6)).photos
    assert sorted(one.name for one in drawn) == sorted(one.name for one in photos(7, 6))


def test_a_photo_nearly_like_another_is_left_out_and_counted() -> None:
    there = photos(20, 20)
    again = [photo(f"again/{i}", 0, np.clip(picture(i) + 1.0, 0, 255).astype(np.uint8)) for i in range(5)]
    chosen = choose([*there, *again])
    assert chosen.near_duplicates == 5
    assert len(chosen.photos) == 40


def test_the_darkest_and_the_brightest_photo_are_in_the_set() -> None:
    dark, bright = picture(1) // 8, 255 - picture(2) // 8
    there = [*photos(150, 150), photo("dark", 0, dark), photo("bright", 1, bright)]
    assert {"dark", "bright"} <= {one.name for one in choose(there, count=100).photos}


def test_a_scene_unlike_all_others_is_in_the_set() -> None:
    grey = [photo(f"grey/{i}", 0, (100 + picture(i) // 8).astype(np.uint8)) for i in range(150)]
    other = np.zeros((16, 16, 3), np.uint8)
    other[:, ::2] = (255, 0, 128)
    assert "other" in {one.name for one in choose([*grey, photo("other", 0, other)], count=50).photos}


def test_the_seed_decides_which_and_the_order_of_the_photos_does_not() -> None:
    there = photos(100, 100)
    first = choose(there, count=20, seed=1)
    assert first.photos == choose(there[::-1], count=20, seed=1).photos
    assert first.digest != choose(there, count=20, seed=2).digest
    assert first.seed == 1


def test_the_digest_names_the_set_and_not_its_order() -> None:
    drawn, other_order = choose(photos(10, 10), seed=1), choose(photos(10, 10), seed=2)
    assert drawn.photos != other_order.photos
    assert drawn.digest == other_order.digest
    assert drawn.digest != choose(photos(10, 11), seed=1).digest


def test_the_pixels_are_those_of_the_photos() -> None:
    chosen = choose(photos(30, 30), count=20)
    for one, pixels, label in zip(chosen.photos, chosen.loaded.pixels, chosen.loaded.truth, strict=True):
        np.testing.assert_array_equal(pixels, SMALL.apply(one.read()))
        assert label == one.label


def test_too_few_photos_are_one_sentence() -> None:
    assert len(choose(photos(5, MIN_COUNT - 5)).photos) == MIN_COUNT
    with pytest.raises(DataError, match=f"at least {MIN_COUNT} training photos, found {MIN_COUNT - 1}"):
        choose(photos(5, MIN_COUNT - 6))


def test_black_photos_are_one_sentence() -> None:
    black = [photo(f"{i}", 0, np.full((16, 16, 3), i % 4, np.uint8)) for i in range(20)]
    with pytest.raises(DataError, match="expected pictures, found all 20 black"):
        choose(black)


def test_photos_that_are_all_alike_are_one_sentence() -> None:
    alike = [photo(f"{i}", 0, picture(3)) for i in range(20)]
    with pytest.raises(DataError, match="expected different pictures, found all 20 alike"):
        choose(alike)


def test_what_is_poor_about_the_photos_is_said() -> None:
    dim = [photo(f"{i}", 0, (120 + picture(i) // 32).astype(np.uint8)) for i in range(20)]
    other = [photo("other", 1, (60 + picture(5) // 32).astype(np.uint8))]
    found = choose([*dim, *other]).warnings
    assert any("photos are few, ranges settle from 50 on" in warning for warning in found)
    assert "no photo of c" in found
    assert choose(photos(40, 40, 40)).warnings == ()
