"""`edgecls predict`: name what photos show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgecls.cli.console import print_json, print_table, progress, say

if TYPE_CHECKING:
    from edgecls.runtime.answers import Answer
    from edgecls.runtime.selection import Selection

SCHEMA = 1
BUNDLE = "Bundle: its folder or its name below ./bundles; by default the newest."


def command(
    photos: Annotated[list[str], typer.Argument(help="Photos, folders or globs.", metavar="PHOTO...")],
    bundle: Annotated[str | None, typer.Option(help=BUNDLE)] = None,
    model: Annotated[Path | None, typer.Option(help="One .tflite or .onnx made by edgecls export.")] = None,
    format: Annotated[str | None, typer.Option(help="tflite or onnx.")] = None,
    precision: Annotated[str | None, typer.Option(help="float32, float16, int8 or int8-avx2.")] = None,
    engine: Annotated[str | None, typer.Option(help="litert, tflite-runtime, onnxruntime or null.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="By default one a core, at most 4.")] = None,
    top: Annotated[int, typer.Option(min=1, help="How many labels each photo gets.")] = 3,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Name what photos show. A photo that cannot be read is listed; then the exit code is 1."""
    from edgecls.runtime.answers import answer_photos
    from edgecls.runtime.classifier import open_classifier
    from edgecls.runtime.selection import select_model

    selection = select_model(bundle, file=model, format=format, precision=precision, engine=engine)
    say(f"using {selection.description}")
    classifier = open_classifier(selection.model, engine=engine, threads=threads, top_k=top)
    with progress("photos") as tick:
        answers = answer_photos(classifier, photos, tick=tick)
    if json:
        print_json(_document(selection, classifier.engine.name, answers))
    else:
        _print(answers)
    faults = [answer.fault for answer in answers if answer.fault]
    for fault in faults:
        say(f"edgecls: {fault}")
    if faults:
        raise typer.Exit(1)


def _document(selection: Selection, engine: str, answers: list[Answer]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "bundle": selection.bundle.name if selection.bundle else None,
        "model": selection.model.path.name,
        "engine": engine,
        "photos": [_record(answer) for answer in answers],
    }


def _record(answer: Answer) -> dict[str, Any]:
    from edgecls.runtime.sinks.records import prediction_record

    if answer.prediction is None:
        return {"path": answer.path, "error": answer.fault}
    return {"path": answer.path, **prediction_record(answer.prediction)}


def _print(answers: list[Answer]) -> None:
    rows = [_row(answer) for answer in answers if answer.prediction is not None]
    if rows:
        print_table("Predictions", ["photo", "label", "confidence", "then"], rows)


def _row(answer: Answer) -> list[str]:
    found = answer.prediction
    assert found is not None
    label = f"unknown ({found.label}?)" if found.unknown else found.label
    then = ", ".join(f"{name} {confidence:.0%}" for name, confidence in found.top[1:])
    return [answer.path, label, f"{found.confidence:.1%}", then]
