"""Two cells are compared photo by photo, and only where both saw the same ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgecls.errors import DataError
from edgecls.metrics import wilson
from edgecls.studies.pairing import mcnemar, pair, pair_networks, pair_regimes
from edgecls.studies.planning import Cell
from edgecls.studies.result import CellName, CellResult, Predictions
from edgecls.studies.work import failed
from edgecls.training.options import TrainingOptions, make_config


def cell(network: str, regime: str, right: str, *, seed: int = 0, order: int = 1) -> CellResult:
    """A cell that got the photos right where `right` says 1; `order` -1 tells them backwards."""
    config = make_config(TrainingOptions(network="lenet", regime="scratch"))
    predictions = Predictions(
        digests=tuple(str(i) for i in range(len(right)))[::order],
        truth=(0,) * len(right),
        predicted=tuple(0 if hit == "1" else 1 for hit in right)[::order],
    )
    name = CellName("tints", network, regime, seed)
    test = wilson(right.count("1"), len(right))
    return CellResult(name, "k", config, "now", None, {}, predictions=predictions, test=test)


def test_a_pair_counts_the_photos_that_only_one_got_right() -> None:
    found = pair(cell("a", "x", "111100"), cell("b", "x", "100010", order=-1))
    assert (found.won, found.lost, found.n) == (3, 1, 6)
    assert found.difference == pytest.approx(2 / 6)
    assert found.low < found.difference < found.high


def test_other_test_photos_cannot_be_paired() -> None:
    with pytest.raises(DataError, match="expected the same test photos, found others"):
        pair(cell("a", "x", "111"), cell("b", "x", "1111"))


# Agresti 2002, "Categorical Data Analysis", gives the exact test as twice the binomial tail.
@pytest.mark.parametrize(
    ("won", "lost", "p"), [(0, 0, 1.0), (3, 3, 1.0), (5, 0, 0.0625), (1, 9, 22 / 1024), (600, 400, 2.7e-10)]
)
def test_mcnemar_is_the_exact_two_sided_binomial_test(won: int, lost: int, p: float) -> None:
    assert mcnemar(won, lost) == pytest.approx(p, rel=0.02)
    assert mcnemar(lost, won) == mcnemar(won, lost)


def test_regimes_are_paired_within_a_network_and_a_seed() -> None:
    cells = [cell("a", "x", "110"), cell("a", "y", "100"), cell("b", "x", "111"), cell("a", "x", "1", seed=1)]
    assert [(p.first.regime, p.second.regime) for p in pair_regimes(cells)] == [("x", "y")]


def test_the_best_network_is_paired_with_the_best_of_each_other() -> None:
    cells = [cell("a", "x", "110"), cell("b", "x", "111"), cell("b", "y", "100"), cell("a", "y", "000")]
    found = pair_networks(cells)
    assert [(p.first.network, p.first.regime, p.second.network, p.second.regime) for p in found] == [
        ("b", "x", "a", "x")
    ]


def test_a_cell_that_failed_is_in_no_pair() -> None:
    good = cell("a", "x", "110")
    bad = failed(Cell(CellName("tints", "a", "y", 0), good.config, Path("data")), "no", versions={})
    assert pair_regimes([good, bad]) == ()
