"""The `edgecls` command: gathers the verbs, and turns every error into one sentence and an exit code."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from edgecls import __version__
from edgecls.errors import EdgeclsError

# In the order of the work. Each module under edgecls.cli defines `command`, and SETTINGS of it where there are any.
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
    "service",
    "devices",
    "doctor",
)

INTERRUPTED = 130


def _version(shown: bool) -> None:
    if shown:
        typer.echo(f"edgecls {__version__}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version."
    ),
) -> None:
    """From a folder of labelled photos to a measured int8 classifier on the device."""


def build(verbs: Sequence[str] = VERBS) -> typer.Typer:
    """The command with these verbs. Each is a module of its own: a device that runs needs none of the others."""
    app = typer.Typer(
        name="edgecls",
        help=_root.__doc__,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
    app.callback()(_root)
    for verb in verbs:
        module = importlib.import_module(f"edgecls.cli.{verb}")
        app.command(verb, context_settings=getattr(module, "SETTINGS", {}))(module.command)
    return app


def _end(number: int, _: object) -> None:
    """End like an error does, so that nothing half-written stays. `run` stops in its own way."""
    sys.exit(128 + number)


def main() -> None:
    """Run the command line. Exit code 0: done, 1: failed, 2: wrong use, 130: Ctrl-C."""
    signal.signal(signal.SIGTERM, _end)
    _replace_closed_streams()
    asked = [verb for verb in sys.argv[1:2] if verb in VERBS]
    try:
        build(asked or VERBS)()
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
    except OSError as error:
        if error.errno != errno.ENOSPC or error.filename is not None:
            raise
        with contextlib.suppress(OSError):
            typer.echo("edgecls: the output cannot be written (no space left); free some", err=True)
        os._exit(1)  # what is still in the buffers would fail again


def _replace_closed_streams() -> None:
    """Who closes stdout or stderr (2>&-) wants to hear nothing: Python has None there, which nobody can write to."""
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115
