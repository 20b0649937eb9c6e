"""Ranges: extremes over all photos, the least square error between them, and 0 always within reach."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecls.calibration.checks import find_unsettled
from edgecls.calibration.ranges import BINS, COUNTED, Counts, Range, Tensors, Walk, find_ranges, least_error
from edgecls.errors import ModelError
from edgecls.preprocess import Pixels

RANDOM = np.random.default_rng(0)


def pictures(count: int) -> Pixels:
    return np.zeros((count, 2, 2, 3), np.uint8)


def walk_of(*photos: NDArray[np.float64]) -> Walk:
    def walk(pixels: Pixels) -> Iterator[Tensors]:
        for values in photos[: len(pixels)]:
            yield {"layer": values.astype(np.float32)}

    return walk


def square_error(values: NDArray[np.float64], found: Range) -> float:
    """What asymmetric 8 bits of that range make of the values."""
    step = (found[1] - found[0]) / 255
    zero = np.rint(-found[0] / step)
    back = (np.clip(np.rint(values / step) + zero, 0, 255) - zero) * step
    return float(((back - values) ** 2).mean())


def test_values_spread_evenly_keep_their_whole_range() -> None:
    low, high = find_ranges(walk_of(np.linspace(-1, 3, 10_000)), pictures(1)).by_name["layer"]
    assert (low, high) == pytest.approx((-1, 3), rel=0.06)


def test_one_value_far_out_does_not_take_the_steps_of_all_others() -> None:
    values = np.append(RANDOM.normal(0, 1, 200_000), 40.0)
    found = find_ranges(walk_of(values), pictures(1)).by_name["layer"]
    assert found[1] < 35
    assert square_error(values, found) < 0.9 * square_error(values, (float(values.min()), 40.0))


def test_extremes_are_taken_from_photos_that_are_not_counted_too() -> None:
    photos = [np.linspace(0, 1, 1000)] * COUNTED + [np.linspace(0, 1.1, 1000)]
    assert find_ranges(walk_of(*photos[:COUNTED]), pictures(COUNTED)).by_name["layer"][1] == pytest.approx(
        1.0
    )
    assert find_ranges(walk_of(*photos), pictures(COUNTED + 1)).by_name["layer"][1] > 1.0


def test_an_activation_that_never_changes_keeps_its_value() -> None:
    assert find_ranges(walk_of(np.full(9, 2.5)), pictures(1)).by_name["layer"] == (2.5, 2.5)


def test_values_of_one_sign_reach_to_zero_in_steps() -> None:
    counts = Counts(2.0, 3.0, np.ones(BINS, np.int64))
    assert least_error(counts)[1] == pytest.approx(3.0, rel=0.03)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_an_activation_that_is_no_number_is_one_sentence(number: float) -> None:
    with pytest.raises(ModelError, match=r"tensor 'layer': expected finite activations .* train again"):
        find_ranges(walk_of(np.array([1.0, number])), pictures(1))


def test_progress_ends_with_everything_done() -> None:
    seen: list[tuple[int, int]] = []
    find_ranges(
        walk_of(*[np.linspace(0, 1, 5)] * 70),
        pictures(70),
        tick=lambda done, total: seen.append((done, total)),
    )
    assert seen[-1] == (70 + COUNTED, 70 + COUNTED)
    assert len(seen) == 70 + COUNTED


def test_halves_of_alike_photos_do_not_differ() -> None:
    assert find_ranges(walk_of(*[np.linspace(0, 1, 9)] * 10), pictures(10)).halves == 0.0


def test_one_photo_that_reaches_twice_as_far_makes_its_half_differ_by_half() -> None:
    photos = [np.linspace(0, 1, 9)] * 9 + [np.linspace(0, 2, 9)]
    found = find_ranges(walk_of(*photos), pictures(10))
    assert found.halves == pytest.approx(0.5)
    assert "differ by 50 % on average" in find_unsettled(found.halves)[0]
    assert find_unsettled(0.1) == ()
