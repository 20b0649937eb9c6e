"""Which model `edgecls run` takes: the one asked for, or the fastest of the bundle on this machine."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import typer

from edgecls.bundle import Bundle, find_bundle
from edgecls.devices.detect import detect_machine
from edgecls.runtime.auto_engine import choose_engine
from edgecls.runtime.model_file import ModelFile
from edgecls.runtime.selection import MODEL_SUFFIXES, Selection, select_model

AUTO = "auto"


def say(text: str) -> None:
    """As the console's, without loading rich: a run is to see its first frame soon."""
    with contextlib.suppress(OSError):  # what is only said must not end a run
        typer.echo(text, err=True)


@dataclass(frozen=True)
class Selected:
    """A model, and the engine and threads it is to run with; None for the usual ones."""

    selection: Selection
    engine: str | None
    threads: int | None


def select(
    given: str | None,
    *,
    file: Path | None,
    format: str | None,
    precision: str | None,
    engine: str,
    threads: int | None,
) -> Selected:
    """Find the model and say which it is. What is not asked for is chosen by timing the bundle's variants, once.

    Raises UsageError, ModelError and DeviceError as `select_model` and `choose_engine` do.
    """
    asked = None if engine == AUTO else engine
    alone = file is not None or (given is not None and Path(given).suffix in MODEL_SUFFIXES)
    if alone or asked == "null":
        selection = select_model(given, file=file, format=format, precision=precision, engine=asked)
        say(f"using {selection.description}")
        return Selected(selection, asked, threads)
    return _fastest(Bundle.open(find_bundle(given)), asked, threads, format=format, precision=precision)


def _fastest(
    bundle: Bundle, engine: str | None, threads: int | None, *, format: str | None, precision: str | None
) -> Selected:
    choice = choose_engine(
        bundle, detect_machine(), engine=engine, threads=threads, format=format, precision=precision,
        announce=lambda count: say(f"{bundle.folder}: timing {count} ways to run it here, once"),
    )  # fmt: skip
    for reason in choice.left_out:
        say(f"left out: {reason}")
    chosen = choice.chosen
    selection = Selection(ModelFile.from_bundle(bundle, bundle.variant_of(chosen.file)), bundle)
    say(
        f"using {selection.description} on {chosen.engine}, threads: {chosen.threads} ({chosen.invoke_ms:.2f} ms, the "
        f"fastest of {len(choice.timed)}, measured {choice.measured[:10]})"
    )
    return Selected(selection, chosen.engine, chosen.threads)
