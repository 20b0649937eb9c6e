"""The files of a benchmark: bench.json, bench.md, and bench.html where the report extra is installed."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from edgecls.errors import EdgeclsError, MissingDependencyError, ModelError
from edgecls.files import sha256_file, write_bytes
from edgecls.manifest import Manifest
from edgecls.reporting.markdown import bench_markdown
from edgecls.runtime.benchmark_result import DOCUMENT, BenchResult, read_bench, write_bench

MARKDOWN = "bench.md"
PAGE = "bench.html"


@dataclass(frozen=True)
class BenchFiles:
    """What was written, and sentences about what was kept or could not be made."""

    written: tuple[Path, ...]
    notes: tuple[str, ...]


def prepare_folder(folder: Path) -> None:
    """Make the folder before anything is measured. Raises EdgeclsError when nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EdgeclsError(
            f"{folder}: cannot be made ({error.strerror}); choose another with --out"
        ) from error
    if not os.access(folder, os.W_OK):
        raise EdgeclsError(
            f"{folder}: expected a folder to write to, found it read-only; choose another with --out"
        )


def write_bench_files(result: BenchResult, folder: Path, manifest: Manifest | None = None) -> BenchFiles:
    """Write the benchmark into `folder`. An earlier bench.json is kept under a name with its date."""
    notes = [_keep(folder / DOCUMENT)] if (folder / DOCUMENT).exists() else []
    write_bench(folder / DOCUMENT, result)
    write_bytes(folder / MARKDOWN, bench_markdown(result).encode())
    written = [folder / DOCUMENT, folder / MARKDOWN]
    try:
        from edgecls.reporting.html import bench_page

        write_bytes(folder / PAGE, bench_page(result, manifest).encode())
        written.append(folder / PAGE)
    except MissingDependencyError as error:
        notes.append(f"no {PAGE}: {error}; or run 'edgecls report {folder / DOCUMENT}' where it is installed")
    return BenchFiles(tuple(written), tuple(notes))


def _keep(earlier: Path) -> str:
    kept = earlier.with_name(f"bench-{_stamp(earlier)}.json")
    earlier.replace(kept)
    return f"the earlier benchmark is kept as {kept}"


def _stamp(earlier: Path) -> str:
    """When it was measured, as 14 digits; for a file that cannot be read, part of its digest."""
    try:
        return re.sub(r"\D", "", read_bench(earlier).created)[:14]
    except ModelError:
        return sha256_file(earlier)[:12]
