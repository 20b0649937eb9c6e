"""A benchmark as Markdown: needs nothing but the result, so a device can write it."""

from __future__ import annotations

from collections.abc import Sequence

from edgecls.reporting.bench_table import COLUMNS, bench_cells
from edgecls.reporting.wording import health_line, machine_line
from edgecls.runtime.benchmark_explain import explain_int8
from edgecls.runtime.benchmark_result import BenchResult

LEFT = 2  # the first columns hold names, the others figures


def bench_markdown(result: BenchResult) -> str:
    """The whole benchmark: machine, table, why int8 is slow where it is, what was skipped, how."""
    parts = [
        f"# Benchmark of {escaped(result.bundle)}",
        f"Measured on **{escaped(machine_line(result.machine))}**, {result.created[:10]}.",
        table(COLUMNS, bench_cells(result)),
        *(f"**{escaped(sentence)}**" for sentence in explain_int8(result)),
        _skipped(result),
        _method(result),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table: the first two columns left-aligned, the others right."""
    rule = [":---" if i < LEFT else "---:" for i in range(len(columns))]
    lines = [[escaped(cell) for cell in columns], rule, *([escaped(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def escaped(text: str) -> str:
    """Text that stays text in Markdown, within a table too."""
    for mark in ("\\", "|", "<", "*", "_", "`", "[", "$"):
        text = text.replace(mark, "\\" + mark)
    return " ".join(text.split())


def _skipped(result: BenchResult) -> str:
    lines = [f"- {escaped(skip.what)}: {escaped(skip.reason)}" for skip in result.skipped]
    return "\n".join(["Not measured:", "", *lines]) if lines else ""


def _method(result: BenchResult) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in result.versions.items())
    health = health_line(result.before, result.after)
    notes = [
        f"How it was measured: {result.method}.",
        "Top-1 comes from the very runs that were timed; its 95 % interval is Wilson's.",
        f"The machine meanwhile: {health}." if health else "",
        f"Versions: {versions}.",
    ]
    return escaped(" ".join(note for note in notes if note))
