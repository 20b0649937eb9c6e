"""Splits: every class keeps its share, the seed decides, and no photo stands on two sides."""

from __future__ import annotations

from collections import Counter

import pytest

from edgecls.errors import DataError, UsageError
from edgecls.labels import Labels
from edgecls.photos import Photo
from edgecls.splits import complete_splits, draw_stratified, hold_out, remove_duplicates

LABELS = Labels(("apple", "pear", "plum"))


def photos(*counts: int, first: int = 0) -> list[Photo]:
    """So many photos of each class, every digest different."""
    return [
        Photo(f"{LABELS[label]}/{i:03d}.jpg", label, f"{label}-{i}")
        for label, count in enumerate(counts)
        for i in range(first, first + count)
    ]


def per_class(drawn: list[Photo]) -> dict[int, int]:
    return dict(sorted(Counter(photo.label for photo in drawn).items()))


def test_a_draw_keeps_the_share_of_every_class() -> None:
    assert per_class(draw_stratified(photos(60, 30, 10), 20, seed=0)) == {0: 12, 1: 6, 2: 2}


def test_a_draw_gives_the_places_that_rounding_left_over() -> None:
    assert sum(per_class(draw_stratified(photos(10, 10, 10), 10, seed=0)).values()) == 10


def test_a_rare_class_is_drawn_at_least_once() -> None:
    assert per_class(draw_stratified(photos(500, 500, 1), 20, seed=0))[2] == 1


def test_a_draw_of_more_than_there_are_gives_all_of_them() -> None:
    assert sorted(p.name for p in draw_stratified(photos(3, 2), 10, seed=0)) == [p.name for p in photos(3, 2)]


def test_a_draw_depends_on_the_seed_and_not_on_the_order_of_the_photos() -> None:
    there = photos(30, 30)
    assert draw_stratified(there, 10, seed=1) == draw_stratified(there[::-1], 10, seed=1)
    assert draw_stratified(there, 10, seed=1) != draw_stratified(there, 10, seed=2)


def test_a_draw_mixes_the_classes() -> None:
    labels = [photo.label for photo in draw_stratified(photos(30, 30), 20, seed=0)]
    assert labels != sorted(labels)


def test_holding_out_takes_the_share_of_each_class() -> None:
    kept, held = hold_out(photos(100, 20), LABELS, share=0.15, seed=0)
    assert (per_class(kept), per_class(held)) == ({0: 85, 1: 17}, {0: 15, 1: 3})


def test_holding_out_leaves_and_takes_at_least_one() -> None:
    for share in (0.01, 0.99):
        kept, held = hold_out(photos(2, 2), LABELS, share=share, seed=0)
        assert per_class(kept) == per_class(held) == {0: 1, 1: 1}


def test_nothing_can_be_held_out_of_one_photo() -> None:
    with pytest.raises(DataError, match=r"class 'pear' has 1 photo, expected at least 3"):
        hold_out(photos(5, 1), LABELS, share=0.15, seed=0)


def test_training_validation_and_test_are_70_15_and_15_percent() -> None:
    splits = complete_splits({"train": photos(100, 100, 40)}, LABELS, seed=0)
    assert per_class(splits["train"]) == {0: 70, 1: 70, 2: 28}
    assert per_class(splits["validation"]) == per_class(splits["test"]) == {0: 15, 1: 15, 2: 6}


def test_no_photo_is_in_two_splits_and_none_is_lost() -> None:
    splits = complete_splits({"train": photos(17, 9, 4)}, LABELS, seed=3)
    names = [photo.name for split in splits.values() for photo in split]
    assert sorted(names) == sorted(photo.name for photo in photos(17, 9, 4))


def test_three_photos_of_a_class_are_enough() -> None:
    splits = complete_splits({"train": photos(3, 3)}, LABELS, seed=0)
    assert [per_class(split) for split in splits.values()] == [{0: 1, 1: 1}] * 3


@pytest.mark.parametrize(("count", "words"), [(1, "1 photo,"), (2, "2 photos,")])
def test_a_class_of_too_few_photos_is_named(count: int, words: str) -> None:
    with pytest.raises(DataError, match=f"class 'pear' has {words} expected at least 3"):
        complete_splits({"train": photos(9, count)}, LABELS, seed=0)


def test_the_share_that_validates_can_be_said() -> None:
    splits = complete_splits({"train": photos(100, 100)}, LABELS, seed=0, validation=0.4)
    assert per_class(splits["test"]) == {0: 15, 1: 15}
    assert per_class(splits["validation"]) == {0: 34, 1: 34}


def test_a_validation_split_that_is_there_is_not_drawn_again() -> None:
    given = {"train": photos(9, 9), "validation": photos(1, 1, first=50)}
    with pytest.raises(UsageError, match=r"--hold-out 0.1: .* found one of 2 photos"):
        complete_splits(given, LABELS, seed=0, validation=0.1)


def test_a_test_split_that_is_there_stays_as_it_is() -> None:
    there = photos(4, 4, first=50)
    splits = complete_splits({"train": photos(20, 20), "test": there}, LABELS, seed=0)
    assert splits["test"] == there
    assert per_class(splits["validation"]) == {0: 4, 1: 4}


def test_nothing_is_drawn_when_all_splits_are_there() -> None:
    given = {"train": photos(1, 1), "validation": photos(1, 1, first=5), "test": photos(1, 1, first=9)}
    assert complete_splits(given, LABELS, seed=0) == given


def twin(photo: Photo, name: str, *, label: int | None = None) -> Photo:
    return Photo(name, photo.label if label is None else label, photo.digest)


def test_a_photo_of_training_and_test_is_kept_in_the_test() -> None:
    train = photos(2)
    test = [twin(train[0], "test/copy.jpg")]
    kept, problems = remove_duplicates({"train": train, "test": test}, LABELS)
    assert kept == {"train": train[1:], "test": test}
    assert [p.name for p in problems] == ["apple/000.jpg"]
    assert "the same photo as test/copy.jpg; that one is used" in problems[0].reason


def test_a_photo_of_training_and_validation_is_kept_in_the_validation() -> None:
    train = photos(2)
    kept, _ = remove_duplicates({"train": train, "validation": [twin(train[1], "val/copy.jpg")]}, LABELS)
    assert kept["train"] == train[:1]
    assert len(kept["validation"]) == 1


def test_a_photo_that_stands_three_times_in_one_class_is_kept_once() -> None:
    one = photos(1)[0]
    kept, problems = remove_duplicates({"train": [one, twin(one, "b.jpg"), twin(one, "c.jpg")]}, LABELS)
    assert (kept["train"], [p.name for p in problems]) == ([one], ["b.jpg", "c.jpg"])


def test_a_photo_under_two_classes_is_left_out_of_both_even_across_splits() -> None:
    train = photos(2, 1)
    test = [twin(train[0], "test/pear.jpg", label=1)]
    kept, problems = remove_duplicates({"train": train, "test": test}, LABELS)
    assert kept == {"train": train[1:], "test": []}
    assert {p.name for p in problems} == {"apple/000.jpg", "test/pear.jpg"}
    assert all("under 'apple' and 'pear'; left out of all" in p.reason for p in problems)
