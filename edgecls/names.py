"""Names of runs and bundles: NETWORK-DATA-NNN, and which one is the newest."""

from __future__ import annotations

import json
import re
from pathlib import Path

from edgecls.errors import ModelError, UsageError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def check_name(name: str) -> str:
    """Return a run's or bundle's name, or raise UsageError when it could leave its folder."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"a name must be letters, digits, '.', '_' and '-', found {name!r}; choose another")
    return name


def slug(text: str) -> str:
    """A folder's name as a part of a run's name: letters, digits and '_' alone."""
    return re.sub(r"[^a-z0-9_]+", "_", text.lower()).strip("_") or "data"


def next_name(folder: Path, stem: str) -> str:
    """The first free name STEM-NNN in `folder`, NNN from 001."""
    pattern = re.compile(re.escape(stem) + r"-(\d{3,})")
    taken = [int(m[1]) for entry in entries(folder) if (m := pattern.fullmatch(entry.name))]
    return f"{stem}-{max(taken, default=0) + 1:03d}"


def newest(folder: Path, document: str) -> Path | None:
    """The entry of `folder` whose JSON `document` was created last, by its `created` and not by file time.

    Entries without a readable document, or whose `status` is there and not "complete", are passed over.
    """
    found = [(created, entry) for entry in entries(folder) if (created := _created(entry / document))]
    return max(found)[1] if found else None


def resolve(given: str | None, *, folder: Path, document: str, what: str, make: str) -> Path:
    """Find the run or bundle a user means: a path, a name below `folder`, or the newest when None.

    Raises UsageError for a path that is not there, ModelError when there is none at all.
    """
    if given is None:
        entry = newest(folder, document)
        if entry is None:
            raise ModelError(f"there is no complete {what} under {folder}/; make one with: {make}")
        return entry
    for path in (Path(given), folder / given):
        if (path / document).is_file():
            return path
    raise UsageError(
        f"expected a {what} (a folder with {document}), found none at {given}; make one with: {make}"
    )


def entries(folder: Path) -> list[Path]:
    """The folders of a folder, by name, without the hidden ones: those are being written, or set aside."""
    if not folder.is_dir():
        return []
    return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _created(document: Path) -> str:
    try:
        record = json.loads(document.read_text(encoding="utf-8"))
        return str(record["created"]) if record.get("status", "complete") == "complete" else ""
    except (OSError, ValueError, KeyError, AttributeError):
        return ""
