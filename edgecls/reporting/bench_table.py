"""The table of a benchmark, as text cells: the terminal, Markdown and HTML all show this one."""

from __future__ import annotations

from edgecls.reporting.wording import interval, megabytes, milliseconds, percent
from edgecls.runtime.benchmark_result import BenchResult, BenchRow
from edgecls.runtime.timing import Percentiles

COLUMNS = (
    "variant",
    "engine",
    "threads",
    "top-1",
    "95 % interval",
    "invoke p50 / p90 / p99 ms",
    "frame p50 / p90 / p99 ms",
    "load ms",
    "first ms",
    "size",
    "peak memory",
)


def bench_cells(result: BenchResult) -> list[list[str]]:
    """One list of cells a row, in the order of COLUMNS."""
    return [_cells(row) for row in result.rows]


def _cells(row: BenchRow) -> list[str]:
    return [
        row.key,
        engine_cell(row),
        str(row.threads),
        percent(row.top1.value),
        interval(row.top1),
        _percentiles(row.invoke_ms),
        _percentiles(row.frame_ms),
        milliseconds(row.load_ms),
        milliseconds(row.first_ms),
        megabytes(row.size_bytes),
        f"{row.peak_memory_mb:.0f} MB",
    ]


def engine_cell(row: BenchRow) -> str:
    """What really ran, with the arithmetic where it is not the usual one."""
    return (
        row.runs_on
        if row.arithmetic == "native" or row.arithmetic in row.runs_on
        else (f"{row.runs_on}, {row.arithmetic} arithmetic")
    )


def _percentiles(times: Percentiles) -> str:
    return " / ".join(milliseconds(value) for value in (times.p50, times.p90, times.p99))


SHORT_COLUMNS = (
    "variant",
    "engine x threads",
    "top-1",
    "invoke p50 ms",
    "frame p50 ms",
    "frame p99 ms",
    "size",
)


def short_cells(result: BenchResult) -> list[list[str]]:
    """The rows for a terminal of 80 columns, in the order of SHORT_COLUMNS; the files hold the rest."""
    return [
        [
            row.key,
            f"{row.engine} x{row.threads}",
            percent(row.top1.value),
            milliseconds(row.invoke_ms.p50),
            milliseconds(row.frame_ms.p50),
            milliseconds(row.frame_ms.p99),
            megabytes(row.size_bytes),
        ]
        for row in result.rows
    ]
