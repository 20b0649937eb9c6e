"""Comparing cells photo by photo: regimes of one network, and the best network against each other one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

from edgecls.errors import DataError
from edgecls.metrics import paired_difference
from edgecls.studies.result import CellName, CellResult


@dataclass(frozen=True)
class Pair:
    """Top-1 of `first` minus that of `second` on the same n test photos, with its 95 % interval, as fractions.

    `won` counts the photos that only `first` got right, `lost` those that only `second` did; `p_value` is that of
    the exact McNemar test (McNemar 1947, Psychometrika 12): how probable so unequal a split of these photos is
    when both are equally good.
    """

    first: CellName
    second: CellName
    n: int
    won: int
    lost: int
    difference: float
    low: float
    high: float
    p_value: float


def pair(first: CellResult, second: CellResult) -> Pair:
    """Compare two cells. Raises DataError unless both saw the same test photos."""
    a, b = first.predictions, second.predictions
    if a is None or b is None or sorted(a.digests) != sorted(b.digests):
        raise DataError(f"{first.name} and {second.name}: expected the same test photos, found others")
    right = dict(zip(b.digests, (t == p for t, p in zip(b.truth, b.predicted, strict=True)), strict=True))
    won = lost = 0
    for digest, truth, predicted in zip(a.digests, a.truth, a.predicted, strict=True):
        won += truth == predicted and not right[digest]
        lost += truth != predicted and right[digest]
    difference, low, high = paired_difference(won, lost, len(a.truth))
    return Pair(first.name, second.name, len(a.truth), won, lost, difference, low, high, mcnemar(won, lost))


def mcnemar(won: int, lost: int) -> float:
    """Two-sided p of the exact test: won of won + lost, when either is as probable as the other."""
    n, fewer = won + lost, min(won, lost)
    tail: float = 2 * sum(comb(n, k) for k in range(fewer + 1)) / 2**n
    return min(1.0, tail)


def pair_regimes(cells: Sequence[CellResult]) -> tuple[Pair, ...]:
    """For each data set, seed and network: every two of its regimes, in the order of the study."""
    return tuple(
        pair(first, second)
        for members in _together(cells)
        for first, second in combinations(members, 2)
        if first.name.network == second.name.network
    )


def pair_networks(cells: Sequence[CellResult]) -> tuple[Pair, ...]:
    """For each data set and seed: the best cell against the best cell of each other network."""
    found = []
    for members in _together(cells):
        best: dict[str, CellResult] = {}
        for cell in sorted(members, key=_top1, reverse=True):
            best.setdefault(cell.name.network, cell)
        first, *others = best.values()
        found += [pair(first, other) for other in others]
    return tuple(found)


def _top1(cell: CellResult) -> float:
    return cell.test.value if cell.test else 0.0


def _together(cells: Sequence[CellResult]) -> Iterator[list[CellResult]]:
    """Cells without a failure, by data set and seed."""
    groups: dict[tuple[str, int], list[CellResult]] = {}
    for cell in cells:
        if cell.failure is None:
            groups.setdefault((cell.name.data, cell.name.seed), []).append(cell)
    yield from groups.values()
