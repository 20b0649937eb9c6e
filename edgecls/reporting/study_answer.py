"""The answer of a study in a few sentences, generated from its figures."""

from __future__ import annotations

from collections.abc import Sequence

from edgecls.reporting.study_cells import (
    best_of,
    cell_title,
    data_names,
    document_difference,
    failed,
    scored,
    top1_of,
)
from edgecls.reporting.study_claims import density_sentences, fit_times, hyperbola_sentences, time_sentences
from edgecls.reporting.study_pairs import is_sure, network_pairs, regime_pairs
from edgecls.reporting.wording import percent, percent_with_interval, points
from edgecls.studies.pairing import Pair
from edgecls.studies.result import StudyResult
from edgecls.studies.study import Study

SAID_ONE_BY_ONE = 4  # above so many pairs they are counted


def study_headline(result: StudyResult) -> str:
    """The regimes against each other where there are many pairs, else the best cell, in one line."""
    pairs = regime_pairs(result)
    names = data_names(result)
    if not names:
        return "No cell has a figure"
    if len(pairs) > SAID_ONE_BY_ONE:
        first, second = pairs[0].first.regime, pairs[0].second.regime
        above, _, count = _tally(pairs, first=first, second=second)
        return f"{first} surely better than {second} in {above} of {count} pairs"
    best = best_of(scored(result, names[0]))
    return f"{cell_title(result, best.name)}: {percent(top1_of(best).value)} top-1 on {names[0]}"


def answer_sentences(study: Study, result: StudyResult) -> tuple[str, ...]:
    """The best cells, regimes against each other, networks against the best, the review's claims, failures."""
    fit = fit_times(result)
    return (
        *_best_sentences(result),
        *_regime_sentences(study, regime_pairs(result)),
        *_network_sentences(study, network_pairs(result)),
        *(time_sentences(fit)[:1] if fit else ()),
        *hyperbola_sentences(result)[:1],
        *density_sentences(result)[:1],
        *_failure_sentences(result),
    )


def _best_sentences(result: StudyResult) -> list[str]:
    sentences = []
    for data in data_names(result):
        cells = scored(result, data)
        best = best_of(cells)
        sentences.append(
            f"Best of {len(cells)} on {data}: {cell_title(result, best.name)}, {percent_with_interval(top1_of(best))}."
        )
    return sentences


def _regime_sentences(study: Study, pairs: Sequence[Pair]) -> list[str]:
    if len(pairs) <= SAID_ONE_BY_ONE:
        return [_regime_sentence(study, pair) for pair in pairs]
    kinds = dict.fromkeys((pair.first.regime, pair.second.regime) for pair in pairs)
    return [_counted(study, pairs, first=first, second=second) for first, second in kinds]


def _regime_sentence(study: Study, pair: Pair) -> str:
    first, second = pair.first, pair.second
    return (
        f"{first.network} on {first.data}: {first.regime} against {second.regime} {_figures(pair)}"
        f"{_beside(study, pair)}."
    )


def _figures(pair: Pair) -> str:
    doubt = "" if is_sure(pair) else ", not decided by these photos"
    return f"{points(pair.difference)} points ({points(pair.low)} to {points(pair.high)}){doubt}"


def _beside(study: Study, pair: Pair) -> str:
    theirs = document_difference(study, pair.first, pair.second)
    return f"; document: {points(theirs[0])} on {theirs[1]}" if theirs else ""


def _counted(study: Study, pairs: Sequence[Pair], *, first: str, second: str) -> str:
    above, below, count = _tally(pairs, first=first, second=second)
    return (
        f"{first} against {second}, {count} pairs of cells: surely better in {above}, surely worse in {below}, "
        f"not decided in {count - above - below}{_signs(study, _of_regimes(pairs, first=first, second=second))}."
    )


def _tally(pairs: Sequence[Pair], *, first: str, second: str) -> tuple[int, int, int]:
    """Pairs in which `first` is surely better, surely worse, and all pairs of these two regimes."""
    chosen = _of_regimes(pairs, first=first, second=second)
    above = sum(is_sure(pair) and pair.difference > 0 for pair in chosen)
    below = sum(is_sure(pair) and pair.difference < 0 for pair in chosen)
    return above, below, len(chosen)


def _of_regimes(pairs: Sequence[Pair], *, first: str, second: str) -> list[Pair]:
    return [pair for pair in pairs if (pair.first.regime, pair.second.regime) == (first, second)]


def _signs(study: Study, pairs: Sequence[Pair]) -> str:
    """How often the document's difference has the sign of ours, where ours is sure."""
    known = [
        (pair.difference, theirs[0])
        for pair in pairs
        if is_sure(pair) and (theirs := document_difference(study, pair.first, pair.second))
    ]
    if not known:
        return ""
    same = sum((ours > 0) == (theirs > 0) for ours, theirs in known)
    return f"; the document has the same sign in {same} of {len(known)} decided ones"


def _network_sentences(study: Study, pairs: Sequence[Pair]) -> list[str]:
    if len(pairs) > SAID_ONE_BY_ONE:
        sure = sum(is_sure(pair) for pair in pairs)
        return [f"The best network of a data set is surely ahead in {sure} of {len(pairs)} comparisons."]
    return [
        f"{pair.first.network}, {pair.first.regime} against {pair.second.network}, {pair.second.regime} on "
        f"{pair.first.data}: {_figures(pair)}{_beside(study, pair)}."
        for pair in pairs
    ]


def _failure_sentences(result: StudyResult) -> list[str]:
    count = len(failed(result))
    return (
        [f"{count} of {len(result.cells)} cells failed; the reasons stand below the table."] if count else []
    )
