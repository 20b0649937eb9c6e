"""`edgecls bench`: how fast and how accurate each variant of a bundle is on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgecls.cli.console import out as stdout
from edgecls.cli.console import print_json, print_table, progress, say

if TYPE_CHECKING:
    from edgecls.runtime.benchmark_result import BenchResult


def command(
    bundle: Annotated[str | None, typer.Argument(help="Bundle; by default the newest.")] = None,
    threads: Annotated[str | None, typer.Option(help="Thread counts, e.g. 1,2. Default: 1, 2, 4.")] = None,
    engine: Annotated[str | None, typer.Option(help="litert, tflite-runtime or onnxruntime.")] = None,
    photos: Annotated[int | None, typer.Option(help="So many of the bundle's photos, not all.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the files; default: BUNDLE/reports.")] = None,
) -> None:
    """Measure each variant x engine x threads on the bundle's held-out photos: accuracy, latency, memory."""
    from edgecls.bundle import REPORTS, Bundle, find_bundle
    from edgecls.devices.detect import detect_machine
    from edgecls.records import to_record
    from edgecls.reporting.bench_files import prepare_folder, write_bench_files
    from edgecls.runtime.benchmark import run_benchmark
    from edgecls.runtime.benchmark_plan import plan_benchmark

    opened = Bundle.open(find_bundle(bundle))
    machine = detect_machine()
    plan = plan_benchmark(opened, machine, engine=engine, threads=_numbers(threads), photos=photos)
    folder = out or opened.folder / REPORTS
    prepare_folder(folder)
    say(f"measuring {opened.folder} on {machine.model}")
    with progress("measuring") as tick:
        result = run_benchmark(opened, machine, plan, tick=tick)
    files = write_bench_files(result, folder, opened.manifest)
    if json:
        print_json(to_record(result))
    else:
        _print(result)
    for line in (*files.notes, *(f"wrote {path}" for path in files.written)):
        say(line)


def _numbers(text: str | None) -> tuple[int, ...]:
    """Numbers separated by commas, each once, in their order."""
    from edgecls.errors import UsageError

    try:
        return tuple(dict.fromkeys(int(part) for part in text.split(","))) if text is not None else ()
    except ValueError as error:
        raise UsageError(f"--threads expects numbers such as 1,2, found '{text}'") from error


def _print(result: BenchResult) -> None:
    from edgecls.reporting.bench_table import SHORT_COLUMNS, short_cells
    from edgecls.reporting.wording import machine_line
    from edgecls.runtime.benchmark_explain import explain_int8

    print_table(f"{result.bundle}, {result.photos} photos", list(SHORT_COLUMNS), short_cells(result))
    stdout.print(f"on {machine_line(result.machine)}", markup=False)
    for sentence in explain_int8(result):
        stdout.print(sentence, markup=False)
    for skip in result.skipped:
        say(f"not measured: {skip.what}: {skip.reason}")
