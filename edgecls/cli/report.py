"""`edgecls report`: the HTML page of a benchmark, a training run or a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgecls.cli.console import say

if TYPE_CHECKING:
    from edgecls.manifest import Manifest
    from edgecls.reporting.training_report import TrainingReport
    from edgecls.runtime.benchmark_result import BenchResult

PAGE = "report.html"


def command(
    source: Annotated[
        str | None, typer.Argument(help="bench.json, a run or a bundle; by default the newest bundle.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The page; by default beside what it shows.")] = None,
    force: Annotated[bool, typer.Option(help="Replace the file named with --out.")] = False,
) -> None:
    """Make one self-contained HTML page."""
    from edgecls.errors import UsageError
    from edgecls.reporting.page import write_page

    if out is not None and out.exists() and not force:
        raise UsageError(f"{out} exists already; choose another name or add --force")
    html, usual = _page(source)
    write_page(out or usual, html)
    say(f"wrote {out or usual}")


def _page(source: str | None) -> tuple[str, Path]:
    """The page, and where it usually lies."""
    from edgecls.bundle import find_bundle
    from edgecls.runs import DOCUMENT as RUN_DOCUMENT

    if source is not None and Path(source).is_file():
        return _bench_page(Path(source))
    for folder in (Path(source), Path("runs") / source) if source is not None else ():
        if (folder / RUN_DOCUMENT).is_file():
            return _run_page(folder)
    return _bundle_page(find_bundle(source))


def _bench_page(file: Path) -> tuple[str, Path]:
    from edgecls.reporting.html import bench_page
    from edgecls.runtime.benchmark_result import read_bench

    result = read_bench(file)
    return bench_page(result, _manifest_beside(file, result)), file.with_suffix(".html")


def _manifest_beside(file: Path, result: BenchResult) -> Manifest | None:
    """The manifest of the bundle in whose reports the file lies, if it is the bundle that was measured."""
    from edgecls.manifest_file import DOCUMENT, read_manifest

    folder = file.resolve().parent.parent
    if not (folder / DOCUMENT).is_file():
        return None
    manifest = read_manifest(folder)
    return manifest if manifest.name == result.bundle else None


def _run_page(folder: Path) -> tuple[str, Path]:
    from edgecls.errors import ModelError
    from edgecls.reporting.html import training_page
    from edgecls.reporting.run_source import training_report_of

    report = training_report_of(folder)
    if report is None:
        raise ModelError(
            f"{folder}: expected a complete training run, found none; finish it with: edgecls train"
        )
    return training_page(report), folder / PAGE


def _bundle_page(folder: Path) -> tuple[str, Path]:
    from edgecls.bundle import REPORTS, Bundle
    from edgecls.reporting.html import bundle_page
    from edgecls.runtime.benchmark_result import DOCUMENT, read_bench

    bundle = Bundle.open(folder)
    bench = folder / REPORTS / DOCUMENT
    measured = read_bench(bench) if bench.is_file() else None
    return bundle_page(bundle, measured, _training(bundle.manifest)), folder / REPORTS / PAGE


def _training(manifest: Manifest) -> TrainingReport | None:
    """The run the bundle was made from, where it is still at hand and can be read."""
    from edgecls.errors import ModelError
    from edgecls.reporting.run_source import training_report_of

    try:
        return training_report_of(Path("runs") / manifest.origin.run)
    except ModelError:
        return None
