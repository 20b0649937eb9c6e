"""`edgecls study FILE`: all cells of a study file trained, timed and compared, with one table and one report."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from edgecls.studies.result import StudyResult
    from edgecls.studies.running import Prepared
    from edgecls.studies.study import Study


def command(
    file: Annotated[Path, typer.Argument(help="A study file, such as studies/NAME.toml.")],
    budget: Annotated[str, typer.Option(help="quick or full, as the file has them.")] = "quick",
    jobs: Annotated[int, typer.Option(min=1, max=256, help="So many trainings at once.")] = 1,
    ray: Annotated[
        str | None, typer.Option(help="Train on the nodes of the Ray cluster at this address.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder; default runs/studies/NAME-BUDGET.")] = None,
    latency: Annotated[bool, typer.Option(help="Make TFLite files and time them on this machine.")] = True,
    force: Annotated[bool, typer.Option("--force", help="Train every cell again.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the cells, what is done and how long it will take.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print study.json.")] = False,
) -> None:
    """Train and compare every cell of a study file. A stopped study goes on when it is called again."""
    import sys

    from edgecls.cli.console import print_json, say
    from edgecls.cli.study_progress import show_progress
    from edgecls.cli.study_summary import print_plan, print_summary
    from edgecls.records import to_record
    from edgecls.studies.reading import read_study
    from edgecls.studies.running import RunOptions, prepare, run_study

    study = read_study(file)
    folder = out or Path("runs") / "studies" / f"{study.name}-{budget}"
    prepared = prepare(study, budget, folder=folder, force=force)
    if dry_run:
        print_plan(prepared, jobs=jobs)
        return
    options = RunOptions(
        folder, jobs=jobs, ray=ray, force=force, latency=latency, command="edgecls " + " ".join(sys.argv[1:])
    )
    _say_where(prepared, folder)
    try:
        with show_progress(prepared, jobs=jobs) as hear:
            result = run_study(prepared, options, hear=hear)
    except KeyboardInterrupt:
        without = " without --force, which would train them again" if force else ""
        say(f"finished cells are kept in {folder}; go on with the same command{without}")
        raise
    print_json(to_record(result)) if json else print_summary(result)
    _write_report(folder, study, result)
    failed = [cell for cell in result.cells if cell.failure]
    if failed:
        say(
            f"{len(failed)} of {len(result.cells)} cells failed, see above; they are tried again the next time"
        )
        raise typer.Exit(1)


def _say_where(prepared: Prepared, folder: Path) -> None:
    from edgecls.cli.console import say

    say(f"{folder}: {len(prepared.cells)} cells, {len(prepared.waiting())} to train")
    for sentence, count in Counter(cell.failure for cell in prepared.results.values()).items():
        if sentence:
            say(f"{count} cells cannot begin: {sentence}")


def _write_report(folder: Path, study: Study, result: StudyResult) -> None:
    from edgecls.cli.console import say
    from edgecls.errors import MissingDependencyError
    from edgecls.reporting.study_report import write_study_report

    try:
        say(f"report: {write_study_report(folder, study, result)}")
    except MissingDependencyError as error:
        say(f"no report: {error}")
