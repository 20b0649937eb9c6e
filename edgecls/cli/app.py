"""The `edgecls` command: gathers the verbs, and turns every error into one sentence and an exit code."""

from __future__ import annotations

import importlib
import signal
import sys

import typer

from edgecls import __version__
from edgecls.errors import EdgeclsError

# In the order of the work. Each module under edgecls.cli defines `command`.
VERBS = (
    "demo",
    "data",
    "train",
    "networks",
    "lint",
    "study",
    "runs",
    "evaluate",
    "predict",
    "show",
    "export",
    "verify",
    "inspect",
    "bench",
    "report",
    "run",
    "devices",
    "doctor",
)

INTERRUPTED = 130

app = typer.Typer(
    name="edgecls",
    help="From a folder of labelled photos to a measured int8 classifier on the device.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _version(shown: bool) -> None:
    if shown:
        typer.echo(f"edgecls {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version."
    ),
) -> None:
    """From a folder of labelled photos to a measured int8 classifier on the device."""


for _verb in VERBS:
    # What runs unattended is configured by its environment, too; a training must not be changed by what stands there.
    _settings = {"auto_envvar_prefix": "EDGECLS_RUN"} if _verb == "run" else {}
    app.command(_verb, context_settings=_settings)(importlib.import_module(f"edgecls.cli.{_verb}").command)


def _end(number: int, _: object) -> None:
    """End like an error does, so that nothing half-written stays. `run` stops in its own way."""
    sys.exit(128 + number)


def main() -> None:
    """Run the command line. Exit code 0: done, 1: failed, 2: wrong use, 130: Ctrl-C."""
    signal.signal(signal.SIGTERM, _end)
    try:
        app()
    except EdgeclsError as error:
        typer.echo(f"edgecls: {error}", err=True)
        sys.exit(error.exit_code)
    except MemoryError as error:
        typer.echo(
            f"edgecls: not enough memory ({str(error) or 'no figure'}); close other programs, or take fewer or smaller "
            "photos",
            err=True,
        )
        sys.exit(1)
    except KeyboardInterrupt:
        typer.echo("edgecls: stopped by Ctrl-C", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
