"""`edgecls doctor`: what works on this machine, what does not, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from edgecls.cli.console import out, print_json

if TYPE_CHECKING:
    from edgecls.devices.finding import Finding

COLOURS = {"ok": "green", "warn": "yellow", "missing": "red"}


def command(
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Check this machine: Python, packages, engines, cameras, health, disk. Exit 1 when no engine works."""
    findings, works = _examine()
    if json:
        from edgecls.records import to_record

        print_json({"works": works, "findings": [to_record(finding) for finding in findings]})
    else:
        _print_findings(findings)
    if not works:
        raise typer.Exit(1)


def _examine() -> tuple[list[Finding], bool]:
    """Every finding, and whether the device side can work at all: whether an engine runs a model."""
    from edgecls.devices import checks, packages
    from edgecls.devices.finding import State

    engine = _engine()
    findings = [packages.check_python(), packages.check_base(), *engine, checks.check_opencv()]
    findings += [checks.check_cameras(), checks.check_machine(), checks.check_health(), checks.check_disk()]
    findings += [checks.check_bundle(), *packages.check_extras()]
    return findings, engine[0].state is State.OK


def _engine() -> list[Finding]:
    """The TFLite engine first, then ONNX Runtime."""
    try:
        from edgecls.runtime.engine_check import check_onnxruntime, check_tflite
    except ImportError as error:
        from edgecls.devices.finding import missing

        return [missing("TFLite engine", str(error), "Install the base packages with: pip install edgecls")]
    return [check_tflite(), check_onnxruntime()]


def _print_findings(findings: list[Finding]) -> None:
    """A line for each finding: state, subject, what was found and, below it, the advice."""
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        text = Text(finding.found)
        if finding.advice:
            text.append(f"\n{finding.advice}", style="dim")
        table.add_row(
            Text(finding.state.value, style=COLOURS[finding.state.value]), Text(finding.subject), text
        )
    out.print(table)
