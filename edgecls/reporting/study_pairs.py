"""The paired differences of a study as tables: regimes of one network, the best network against the others."""

from __future__ import annotations

from collections.abc import Sequence

from edgecls.reporting.page import Block, Prose, Table
from edgecls.reporting.study_cells import cell_title, document_difference, scored
from edgecls.reporting.wording import points
from edgecls.studies.pairing import Pair, pair_networks, pair_regimes
from edgecls.studies.result import StudyResult
from edgecls.studies.study import Study

COLUMNS = ("cell", "minus", "data", "photos", "points of top-1", "95 %", "p", "document")
NOTE = (
    "Differences of two cells that saw the same test photos, with the 95 % interval of paired proportions (Agresti "
    "and Min 2005) and the exact McNemar test. Where the interval holds 0, or p is not below 0.05, these photos do "
    "not decide. Nothing is "
    "corrected for the number of pairs, nor for the best having been chosen on these photos."
)


def regime_pairs(result: StudyResult) -> tuple[Pair, ...]:
    """One network's regimes, the later one of the study minus the earlier."""
    return tuple(turned(pair) for pair in pair_regimes(result.cells))


def network_pairs(result: StudyResult) -> tuple[Pair, ...]:
    """The best network's best cell minus that of every other network, on each data set."""
    return pair_networks(scored(result))


def turned(pair: Pair) -> Pair:
    """The same comparison from the other side."""
    return Pair(
        first=pair.second,
        second=pair.first,
        n=pair.n,
        won=pair.lost,
        lost=pair.won,
        difference=-pair.difference,
        low=-pair.high,
        high=-pair.low,
        p_value=pair.p_value,
    )


def is_sure(pair: Pair) -> bool:
    """Whether 0 is outside the interval and McNemar's test, the stricter of the two at few photos, says so too."""
    return (pair.low > 0 or pair.high < 0) and pair.p_value < 0.05


def pairs_blocks(study: Study, result: StudyResult) -> tuple[Block, ...]:
    """What the differences mean, and a table of each kind that there is."""
    kinds = [pairs for pairs in (regime_pairs(result), network_pairs(result)) if pairs]
    tables = [Table(COLUMNS, _rows(study, result, pairs), left=3) for pairs in kinds]
    return (Prose(NOTE), *tables) if tables else ()


def _rows(study: Study, result: StudyResult, pairs: Sequence[Pair]) -> tuple[tuple[str, ...], ...]:
    return tuple(_row(study, result, pair) for pair in pairs)


def _row(study: Study, result: StudyResult, pair: Pair) -> tuple[str, ...]:
    first, second = pair.first, pair.second
    theirs = document_difference(study, first, second)
    return (
        cell_title(result, first),
        second.regime if first.network == second.network else cell_title(result, second),
        first.data,
        str(pair.n),
        points(pair.difference),
        f"{points(pair.low)} to {points(pair.high)}",
        f"{pair.p_value:.3f}" if pair.p_value >= 0.001 else "< 0.001",
        f"{points(theirs[0])} ({theirs[1]})" if theirs else "–",
    )
