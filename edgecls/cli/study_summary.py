"""What `edgecls study` tells a person: the plan before, and the table with the paired comparisons after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgecls.cli.console import print_table, say
from edgecls.studies.result import CellName, CellResult, StudyResult, latency_of, per_million

if TYPE_CHECKING:
    from edgecls.studies.pairing import Pair
    from edgecls.studies.running import Prepared

ACCURACY = ("cell", "n", "top-1 % (95 %)", "balanced %", "F1 %", "seconds")
COST = ("cell", "parameters M", "mult-adds M", "top-1 %/M", "float ms", "int8 ms", "int8 top-1 %")


def cell_name(name: CellName) -> str:
    """A cell in one line: network, regime, data set, seed."""
    return f"{name.network} {name.regime} {name.data} seed {name.seed}"


def duration(seconds: float) -> str:
    """Seconds as a person reads them: 34 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def print_plan(prepared: Prepared, *, jobs: int) -> None:
    """The cells, what is done of them, and about how long the others will take."""
    from edgecls.cli.study_progress import learned, seconds_left

    estimate = learned(prepared)
    rows = []
    for keyed in prepared.cells:
        found, name = prepared.results.get(keyed.cell.name), keyed.cell.name
        config = keyed.cell.config
        state = "to train" if found is None else "failed" if found.failure else "done"
        seconds = (
            estimate.seconds([[(config, prepared.photos[name.data])]]) if found is None else _seconds(found)
        )
        rows.append([cell_name(name), f"{config.size}", state, duration(seconds) if seconds else ""])
    print_table(f"{prepared.study.title}, {prepared.budget_name}", ["cell", "pixels", "state", "time"], rows)
    for sentence in dict.fromkeys(cell.failure for cell in prepared.results.values() if cell.failure):
        say(f"failed: {sentence}")
    left = seconds_left(prepared, estimate, set(), jobs=jobs)
    rough = (
        "" if any(cell.seconds for cell in prepared.results.values()) else " (a rough guess: no cell is done)"
    )
    say(f"{len(prepared.waiting())} cells to train, about {duration(left)}{rough}")


def _seconds(cell: CellResult) -> float:
    return (cell.seconds or {}).get("total", 0.0)


def print_summary(result: StudyResult) -> None:
    """The figures of all cells, what each costs, and the paired comparisons."""
    from edgecls.studies.pairing import pair_networks, pair_regimes

    cells = [cell for cell in result.cells if not cell.failure]
    names = _short_names(result)
    title = f"{result.study}, {result.budget}"
    print_table(title, list(ACCURACY), [[names[c.name], *_accuracy(c)] for c in cells])
    print_table("what it costs", list(COST), [[names[c.name], *_cost(c, result)] for c in cells])
    _print_pairs("regimes of one network, on the same photos", pair_regimes(result.cells))
    _print_pairs("the best network against the others, on the same photos", pair_networks(result.cells))
    for note in result.notes:
        say(f"note: {note}")
    for latency in result.latencies:
        if latency.note:
            say(f"note: no int8 of {latency.network}: {latency.note}")


def _short_names(result: StudyResult) -> dict[CellName, str]:
    """Cells without the data set and the seed where there is only one."""
    names = [cell.name for cell in result.cells]
    several = {"data": len({n.data for n in names}) > 1, "seed": len({n.seed for n in names}) > 1}
    parts = {
        n: [n.network, n.regime, n.data * several["data"], f"seed {n.seed}" * several["seed"]] for n in names
    }
    return {name: " ".join(part for part in each if part) for name, each in parts.items()}


def _accuracy(cell: CellResult) -> list[str]:
    assert cell.test is not None
    return [
        str(cell.test.n),
        f"{_percent(cell.test.value)} ({_percent(cell.test.low)} to {_percent(cell.test.high)})",
        _percent(cell.balanced_accuracy),
        _percent(cell.weighted_f1),
        f"{_seconds(cell):.0f}",
    ]


def _cost(cell: CellResult, result: StudyResult) -> list[str]:
    """Latency is that of the classifier's shape, int8's accuracy that of the one cell it was measured with."""
    latency = latency_of(cell, result.latencies)
    int8 = latency.int8_top1 if latency and latency.cell == cell.name else None
    return [
        f"{cell.parameters / 1e6:.2f}" if cell.parameters else "-",
        f"{cell.multiply_adds / 1e6:.0f}" if cell.multiply_adds else "-",
        _percent(per_million(cell)),
        _ms(latency.float_ms if latency else None),
        _ms(latency.int8_ms if latency else None),
        _percent(int8.value if int8 else None),
    ]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _ms(found: float | None) -> str:
    return "-" if found is None else f"{found:.2f}"


def _print_pairs(title: str, pairs: tuple[Pair, ...]) -> None:
    if not pairs:
        return
    rows = [
        [
            f"{pair.first.network} {pair.first.regime} - {pair.second.network} {pair.second.regime}, "
            f"{pair.first.data} seed {pair.first.seed}",
            f"{100 * pair.difference:+.1f} ({100 * pair.low:+.1f} to {100 * pair.high:+.1f})",
            f"{pair.won}:{pair.lost}",
            f"{pair.p_value:.3f}",
        ]
        for pair in pairs
    ]
    print_table(title, ["top-1 of the first minus the second", "points (95 %)", "only one right", "p"], rows)
