"""`edgecls data`: the data sets edgecls knows, how each is laid out, and bringing one in."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgecls.cli.console import out, print_json, print_table, say, steps
from edgecls.errors import EdgeclsError, UsageError

if TYPE_CHECKING:
    from edgecls.data import Counts
    from edgecls.samples.known import KnownData


class Action(str, Enum):
    """What to do with one data set."""

    show = "show"
    fetch = "fetch"


def command(
    action: Annotated[
        Action | None, typer.Argument(help="Leave it out for the table of all.", show_default=False)
    ] = None,
    name: Annotated[str | None, typer.Argument(help="The data set's name.", show_default=False)] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="fetch: a folder or archive (tar, zip) that you have.")
    ] = None,
    to: Annotated[Path, typer.Option(help="The folder in which each data set has its own.")] = Path("data"),
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """List the data sets edgecls knows, show one of them, or fetch it: data show NAME, data fetch NAME."""
    from edgecls.samples.catalogue import CATALOGUE, find_known

    if source is not None and action is not Action.fetch:
        raise UsageError("--from: expected it after data fetch NAME alone, found it elsewhere; leave it out")
    if action is None:
        _list(CATALOGUE, to, json=json)
        return
    if name is None:
        raise UsageError(f"expected a name after '{action.value}', found none; see them with: edgecls data")
    known = find_known(name)
    if action is Action.show:
        _show(known, to, json=json)
    else:
        _fetch(known, to, source=source, json=json)


def _list(catalogue: tuple[KnownData, ...], to: Path, *, json: bool) -> None:
    if json:
        print_json({"data": [_record(known, to) for known in catalogue]})
        return
    columns = ["name", "classes", "photos", "picture", "get with", "there"]
    print_table("Data sets", columns, [_row(known, to) for known in catalogue])
    say(f"there: it lies in {to}/NAME; more of one: edgecls data show NAME")


def _row(known: KnownData, to: Path) -> list[str]:
    from edgecls.samples.catalogue import is_there

    return [
        known.name,
        str(known.classes or "any"),
        f"{sum(known.counts):,}" if any(known.counts) else "any",
        known.picture,
        "fetch" if known.fetchable else "fetch --from",
        "yes" if is_there(known, to / known.name) else "",
    ]


def _record(known: KnownData, to: Path) -> dict[str, Any]:
    from edgecls.records import to_record
    from edgecls.samples.catalogue import is_there

    folder = to / known.name
    facts: dict[str, Any] = to_record(known)
    return {**facts, "fetchable": known.fetchable, "folder": str(folder), "there": is_there(known, folder)}


def _show(known: KnownData, to: Path, *, json: bool) -> None:
    """Every fact of one data set, a line each."""
    if json:
        print_json(_record(known, to))
        return
    splits = zip(("training", "validation", "test"), known.counts, strict=True)
    facts = {
        "title": known.title,
        "classes": ", ".join(known.labels) or str(known.classes or "any"),
        "photos": ", ".join(f"{count:,} {split}" for split, count in splits if count) or "any",
        "picture": known.picture,
        "terms": known.terms,
        "citation": known.citation,
        "home": known.home,
        "folder": f"{to / known.name}/",
        "layout": known.layout,
        "how": known.instructions,
    }
    out.print("\n".join(f"{key:9} {value}" for key, value in facts.items()), markup=False)


def _fetch(known: KnownData, to: Path, *, source: Path | None, json: bool) -> None:
    from edgecls.records import to_record
    from edgecls.samples.fetch import fetch

    folder = to / known.name
    with steps() as announce:
        fresh = fetch(known, folder, given=source, announce=announce, say=say)
    say(f"{folder}: {'fetched' if fresh else 'unchanged'}")
    counts = _count(folder) if fresh or json else None
    if json:
        counted = to_record(counts) if counts else None
        print_json({"name": known.name, "folder": str(folder), "fresh": fresh, "counts": counted})
    elif fresh:
        if counts:
            say(f"{folder}: {_counted(counts, known)}")
        say(f"terms: {known.terms}; cite: {known.citation}")
        say(f"next: edgecls train {folder}")


def _count(folder: Path) -> Counts | None:
    """The photos as training counts them; None, and the reason said, when it would refuse them."""
    from edgecls.data import count_photos

    try:
        return count_photos(folder)
    except EdgeclsError as error:
        say(f"not counted: {error}")
        return None


def _counted(counts: Counts, known: KnownData) -> str:
    """The pictures of each split that is there, and the classes."""
    splits = {"training": counts.train, "validation": counts.validation, "test": counts.test}
    *some, last = [f"{count:,} {split}" for split, count in splits.items() if count]
    listed = f"{', '.join(some)} and {last}" if some else f"{counts.train:,}"
    text = f"{listed} {'pictures' if known.shape else 'photos'}, {counts.classes} classes"
    if not some:
        text += "; training draws its splits from them"
    return text + (f"; {counts.left_out:,} left out, edgecls train says why" if counts.left_out else "")
