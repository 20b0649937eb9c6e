"""Batches: every photo once an epoch, in an order that the seed decides, or every class as often as another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgecls.training.batches import class_weights, epoch_order, make_batches

pytestmark = pytest.mark.xdist_group("training")

SKEWED = np.array([0] * 900 + [1] * 90 + [2] * 10, np.int64)
VALUES = np.arange(10, dtype=np.float32)[:, None] * np.ones((1, 3), np.float32)
TRUTH = np.arange(10, dtype=np.int64) % 2


def batches(**options: Any) -> Any:
    keras = pytest.importorskip("keras", reason="needs Keras, of the train extra")
    return make_batches(keras, VALUES, TRUTH, batch_size=4, **options)


def epoch(made: Any) -> list[float]:
    values = [value for i in range(len(made)) for value in made[i][0][:, 0].tolist()]
    made.on_epoch_end()
    return values


def test_an_order_holds_every_photo_once() -> None:
    assert sorted(epoch_order(SKEWED, balance="none", seed=0, epoch=0)) == list(range(1000))


def test_an_order_depends_on_seed_and_epoch_alone() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return [int(i) for i in epoch_order(SKEWED, balance="none", seed=seed, epoch=epoch)]

    assert order(1, 2) == order(1, 2)
    assert order(1, 2) != order(1, 3)
    assert order(1, 2) != order(2, 2)


def test_balanced_sampling_draws_every_class_equally_often() -> None:
    drawn = SKEWED[epoch_order(SKEWED, balance="sampling", seed=0, epoch=0)]
    assert len(drawn) == 1000
    assert all(abs(count - 333) < 60 for count in np.bincount(drawn))


def test_class_weights_even_out_the_classes_and_have_mean_one_over_the_photos() -> None:
    weights = class_weights(SKEWED)
    assert weights[0] * 900 == pytest.approx(weights[1] * 90) == pytest.approx(weights[2] * 10)
    assert np.mean([weights[int(label)] for label in SKEWED]) == pytest.approx(1.0)


def test_a_class_without_photos_has_no_weight() -> None:
    assert class_weights(np.array([0, 2, 2], np.int64)) == {0: 1.5, 2: 0.75}


def test_batches_hold_every_photo_and_its_class_and_the_last_may_be_smaller() -> None:
    made = batches()
    pairs = [made[i] for i in range(len(made))]
    assert [len(values) for values, _ in pairs] == [4, 4, 2]
    assert all(values.dtype == np.float32 for values, _ in pairs)
    seen = {int(v): int(t) for values, truth in pairs for v, t in zip(values[:, 0], truth, strict=True)}
    assert seen == {i: i % 2 for i in range(10)}


def test_every_epoch_has_another_order_and_the_seed_gives_it_again() -> None:
    made = batches(seed=5)
    orders = [epoch(made) for _ in range(3)]
    assert len({tuple(order) for order in orders}) == 3
    assert [epoch(again) for again in [batches(seed=5)] for _ in range(3)] == orders


def test_batches_from_a_later_epoch_on_go_on_as_an_unbroken_run() -> None:
    unbroken = batches(seed=5)
    orders = [epoch(unbroken) for _ in range(4)]
    resumed = batches(seed=5, first_epoch=2)
    assert [epoch(resumed), epoch(resumed)] == orders[2:]


def test_augmented_pixels_differ_each_epoch_and_are_the_same_for_the_same_seed() -> None:
    keras = pytest.importorskip("keras", reason="needs Keras, of the train extra")
    pixels = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), np.uint8)

    def views(seed: int) -> list[bytes]:
        made = make_batches(keras, pixels, np.zeros(1, np.int64), batch_size=1, augment=True, seed=seed)
        found = []
        for _ in range(2):
            batch = made[0][0]
            assert (batch.dtype, batch.shape) == (np.float32, (1, 64, 64, 3))
            found.append(batch.tobytes())
            made.on_epoch_end()
        return found

    assert views(1) == views(1)
    assert len({*views(1), *views(2), pixels.astype(np.float32).tobytes()}) == 5
