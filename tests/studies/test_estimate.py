"""The time that is left is judged by the cells that are done, the more alike the better."""

from __future__ import annotations

import pytest

from edgecls.studies.estimate import Estimate, work_of
from edgecls.training.options import TrainingOptions, make_config

PHOTOS = {"train": 100, "validation": 20, "test": 30}
HEAD = make_config(TrainingOptions(network="lenet", size=32, weights="x.pth", regime="head", augment=2))
SCRATCH = make_config(TrainingOptions(network="lenet", size=32, regime="scratch", epochs=4))


def test_the_work_of_a_cell_is_the_pixels_that_pass_its_network() -> None:
    assert work_of(HEAD, PHOTOS) == (3 * 100 + 20 + 30) * 32**2
    assert work_of(SCRATCH, PHOTOS) == (4 * (3 * 100 + 20) + 20 + 30) * 32**2


def test_the_same_cells_say_most_then_the_same_regime_then_any() -> None:
    estimate = Estimate()
    other = make_config(TrainingOptions(network="alexnet", size=224, regime="scratch", epochs=4))
    estimate.learn(other, PHOTOS, 1000.0)
    assert estimate.seconds([[(SCRATCH, PHOTOS)]]) == pytest.approx(1000 * (32 / 224) ** 2)
    estimate.learn(SCRATCH, PHOTOS, 7.0)
    assert estimate.seconds([[(SCRATCH, PHOTOS)]] * 4, jobs=2) == pytest.approx(14)


def test_the_cells_of_a_group_follow_one_another_whatever_the_jobs() -> None:
    estimate = Estimate()
    estimate.learn(SCRATCH, PHOTOS, 7.0)
    cell = (SCRATCH, PHOTOS)
    assert estimate.seconds([[cell] * 3, [cell]], jobs=4) == pytest.approx(21)
    assert estimate.seconds([], jobs=4) == 0


def test_without_a_cell_that_is_done_there_is_still_a_guess() -> None:
    assert Estimate().seconds([[(HEAD, PHOTOS)]]) > 0
