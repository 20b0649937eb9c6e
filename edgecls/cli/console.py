"""What verbs print with: tables and progress for people on stderr or stdout, JSON for machines on stdout."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from edgecls.progress import Tick

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """A line for a person, on stderr, so that stdout stays free for results. No markup is read in it."""
    err.print(text, markup=False)


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """A table on stdout; the first column is left-aligned, the others right."""
    table = Table(title=Text(title), title_justify="left", title_style="table.title")
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    out.print(table, markup=False)


@contextmanager
def progress(description: str) -> Iterator[Tick]:
    """A progress bar on stderr; gives the function that long work calls with (done, total)."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err) as bars:
        task = bars.add_task(description, total=None)

        def tick(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)

        yield tick


@contextmanager
def steps() -> Iterator[Callable[[str], Tick]]:
    """Several progress bars, one below the other; gives the function that opens a named one and its tick."""
    columns = (TextColumn("{task.description:<30}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err) as bars:

        def announce(description: str) -> Tick:
            task = bars.add_task(description, total=None)
            return lambda done, total: bars.update(task, completed=done, total=total)

        yield announce
