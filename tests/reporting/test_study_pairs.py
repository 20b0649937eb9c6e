"""A difference is called sure only where both the interval and the exact test say so."""

from __future__ import annotations

import pytest

from edgecls.metrics import paired_difference
from edgecls.reporting.study_pairs import is_sure, turned
from edgecls.studies.pairing import Pair, mcnemar
from edgecls.studies.result import CellName


def pair_of(won: int, lost: int, n: int = 500) -> Pair:
    first, second = (CellName("tints", name, "head", 0) for name in ("lenet", "cnn"))
    return Pair(first, second, n, won, lost, *paired_difference(won, lost, n), mcnemar(won, lost))


@pytest.mark.parametrize(
    ("won", "lost", "sure"), [(20, 4, True), (5, 0, False), (14, 5, False), (9, 7, False), (0, 0, False)]
)
def test_a_difference_is_sure_from_either_side(won: int, lost: int, sure: bool) -> None:
    pair = pair_of(won, lost)
    assert is_sure(pair) is is_sure(turned(pair)) is sure


def test_the_interval_alone_is_laxer_than_the_exact_test() -> None:
    assert pair_of(5, 0).low > 0
    assert pair_of(5, 0).p_value > 0.05
