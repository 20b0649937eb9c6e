"""`edgecls lint NETWORK|RUN`: what int8 will make of a network, told before it is trained or exported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edgecls.cli.console import out, print_json, print_table
from edgecls.errors import UsageError

if TYPE_CHECKING:
    from edgecls.networks.lint import Finding

SCHEMA = 1
WHAT = "Name of a network, or folder or name of a run; by default the newest complete run."


def command(
    what: Annotated[str | None, typer.Argument(metavar="[NETWORK|RUN]", help=WHAT)] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Warn of what loses accuracy or speed in int8; of a run, look at its weights too."""
    name, findings = _lint(what)
    if json:
        from edgecls.records import to_record

        print_json({"schema": SCHEMA, "name": name, "findings": [to_record(one) for one in findings]})
    else:
        _print(name, findings)
    if any(one.severity == "error" for one in findings):
        raise typer.Exit(1)


def _lint(what: str | None) -> tuple[str, tuple[Finding, ...]]:
    from edgecls.networks.table import NETWORKS

    if what in NETWORKS:
        return what, _lint_network(what)
    from edgecls.networks.cost import cost_of
    from edgecls.networks.lint import lint_cost, lint_weights
    from edgecls.runs import find_run, read_run, run_model
    from edgecls.training.backend import import_keras

    try:
        folder = find_run(what)
    except UsageError as error:
        raise UsageError(f"{error}; or name a network of: edgecls networks") from error
    path = run_model(folder, read_run(folder))
    model = import_keras().models.load_model(path, compile=False)
    return str(folder), (*lint_cost(cost_of(model)), *lint_weights(model))


def _lint_network(name: str) -> tuple[Finding, ...]:
    from edgecls.networks.cost import cost_of, shapes_only
    from edgecls.networks.lint import lint_cost
    from edgecls.networks.table import find_network
    from edgecls.training.backend import import_keras

    network = find_network(name)
    with shapes_only(import_keras()):
        return lint_cost(cost_of(network.build(network.size)))


def _print(name: str, findings: tuple[Finding, ...]) -> None:
    if not findings:
        out.print(f"{name}: nothing that int8 would notice", markup=False)
        return
    rows = [[one.severity, one.what, str(one.layers), one.where, one.advice] for one in findings]
    print_table(f"{name} in int8", ["", "what", "layers", "the first", "what it means, what to do"], rows)
