"""The calibration set: from the training photos, every class by its share, named by its digest."""

from __future__ import annotations

from collections import Counter

import pytest

from edgecls.calibration.selection import MIN_COUNT, draw_calibration
from edgecls.errors import DataError
from edgecls.photos import Photo


def photos(*counts: int) -> list[Photo]:
    return [Photo(f"{c}/{i}", c, f"{c}-{i}") for c, count in enumerate(counts) for i in range(count)]


def test_every_class_has_its_share() -> None:
    drawn = draw_calibration(photos(300, 80, 20), count=40, seed=0).photos
    assert Counter(photo.label for photo in drawn) == {0: 30, 1: 8, 2: 2}


def test_a_rare_class_is_in_the_set() -> None:
    drawn = draw_calibration(photos(1000, 1), count=20, seed=0).photos
    assert {photo.label for photo in drawn} == {0, 1}


def test_all_photos_are_taken_when_there_are_no_more() -> None:
    drawn = draw_calibration(photos(7, 6), count=200, seed=0).photos
    assert sorted(photo.name for photo in drawn) == sorted(photo.name for photo in photos(7, 6))


def test_the_seed_decides_which_and_the_order_of_the_photos_does_not() -> None:
    there = photos(100, 100)
    first = draw_calibration(there, count=20, seed=1)
    assert first == draw_calibration(there[::-1], count=20, seed=1)
    assert first.digest != draw_calibration(there, count=20, seed=2).digest
    assert first.seed == 1


def test_the_digest_names_the_set_and_not_its_order() -> None:
    drawn = draw_calibration(photos(10, 10), count=20, seed=1)
    other_order = draw_calibration(photos(10, 10), count=20, seed=2)
    assert drawn.photos != other_order.photos
    assert drawn.digest == other_order.digest
    assert drawn.digest != draw_calibration(photos(10, 11), count=21, seed=1).digest


def test_too_few_photos_are_one_sentence() -> None:
    assert len(draw_calibration(photos(5, MIN_COUNT - 5)).photos) == MIN_COUNT
    with pytest.raises(DataError, match=f"at least {MIN_COUNT} training photos, found {MIN_COUNT - 1}"):
        draw_calibration(photos(5, MIN_COUNT - 6))
