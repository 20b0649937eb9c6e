"""What a page says about a benchmark: the picture, the table, why int8 is slow where it is, the machine."""

from __future__ import annotations

from edgecls.reporting.bench_table import COLUMNS, bench_cells
from edgecls.reporting.page import Bullets, Facts, Picture, Prose, Section, Table, Tile, Warnings
from edgecls.reporting.scatter import accuracy_latency
from edgecls.reporting.wording import (
    health_line,
    machine_line,
    megabytes,
    milliseconds,
    percent_with_interval,
    threads,
)
from edgecls.runtime.benchmark_explain import explain_int8
from edgecls.runtime.benchmark_result import BenchResult, BenchRow


def row_tile(row: BenchRow) -> Tile:
    note = f"{percent_with_interval(row.top1)} top-1; {threads(row.threads)}; {megabytes(row.size_bytes)}"
    return Tile(row.key, f"{milliseconds(row.frame_ms.p50)} ms", note)


def bench_sections(result: BenchResult | None) -> tuple[Section, ...]:
    if result is None:
        return (
            Section("Accuracy against latency", (Prose("Not measured yet. Measure it with: edgecls bench"),)),
        )
    picture = Picture(
        accuracy_latency(result),
        "Scatter of top-1 accuracy against the median time of a frame, one mark a variant",
        f"Measured on {machine_line(result.machine)}. Bars: 95 % interval on {result.photos} photos that all "
        "variants have seen, so their order is surer than the bars suggest. Hollow: other thread counts.",
    )
    notes = tuple(explain_int8(result))
    skipped = tuple(f"{skip.what}: {skip.reason}" for skip in result.skipped)
    table = Table(COLUMNS, tuple(tuple(cells) for cells in bench_cells(result)), left=2)
    return (
        Section("Accuracy against latency", (picture, *((Warnings(notes),) if notes else ()))),
        Section("Every measurement", (table,)),
        Section("Not measured", (Bullets(skipped),) if skipped else ()),
        Section("How it was measured", (Facts(_bench_facts(result)),)),
    )


def _bench_facts(result: BenchResult) -> tuple[tuple[str, str], ...]:
    facts = (
        ("machine", machine_line(result.machine)),
        ("meanwhile", health_line(result.before, result.after)),
        ("measured", f"{result.created[:19].replace('T', ' ')} UTC"),
        ("method", result.method),
        ("versions", ", ".join(f"{name} {number}" for name, number in result.versions.items())),
    )
    return tuple(fact for fact in facts if fact[1])
