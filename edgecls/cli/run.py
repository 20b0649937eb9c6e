"""`edgecls run`: classify what a camera sees, or files replayed as one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgecls.cli.console import print_table, say
from edgecls.errors import UsageError

if TYPE_CHECKING:
    from edgecls.runtime.classifier import Classifier
    from edgecls.runtime.selection import Selection
    from edgecls.runtime.sinks import Sink, Start, Summary
    from edgecls.runtime.sources import FrameSource

SOURCES = "Camera number, /dev/videoN, photo, video, folder, glob or synthetic://640x480@30."
BUNDLE = "Bundle: its folder, its name below ./bundles, or one .tflite or .onnx; by default the newest."


def command(
    bundle: Annotated[str | None, typer.Argument(help=BUNDLE)] = None,
    camera: Annotated[str, typer.Option(metavar="SOURCE", help=SOURCES)] = "0",
    model: Annotated[Path | None, typer.Option(help="One .tflite or .onnx made by edgecls export.")] = None,
    format: Annotated[str | None, typer.Option(help="tflite or onnx.")] = None,
    precision: Annotated[str | None, typer.Option(help="float32, float16, int8 or int8-avx2.")] = None,
    engine: Annotated[str | None, typer.Option(help="litert, tflite-runtime, onnxruntime or null.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="By default one a core, at most 4.")] = None,
    max_frames: Annotated[int | None, typer.Option(min=1, help="Stop after so many results.")] = None,
    top: Annotated[int, typer.Option(min=1, help="How many labels a result names.")] = 5,
    live: Annotated[bool, typer.Option("--live", help="Replay files as a camera would see them.")] = False,
    fps: Annotated[float | None, typer.Option(help="Frames a second, of a camera or with --live.")] = None,
    size: Annotated[str | None, typer.Option(metavar="WxH", help="Frame size to ask a camera for.")] = None,
    json: Annotated[bool, typer.Option("--json", help="JSON lines on stdout.")] = False,
) -> None:
    """Classify what a camera sees until Ctrl-C; the newest frame always wins.

    Files are replayed one by one, none left out, unless --live.
    """
    from edgecls.runtime.stopping import stop_on_signals

    with stop_on_signals() as stop:
        from edgecls.runtime.classifier import open_classifier
        from edgecls.runtime.pipeline import Pipeline
        from edgecls.runtime.selection import select_model
        from edgecls.runtime.sources import open_source

        asked_size = _size(size)
        selection = select_model(bundle, file=model, format=format, precision=precision, engine=engine)
        say(f"using {selection.description}")
        classifier = open_classifier(selection.model, engine=engine, threads=threads, top_k=top)
        with open_source(camera, fps=fps, size=asked_size, live=live) as source:
            pipeline = Pipeline(source, classifier, _sinks(json), stop=stop, max_frames=max_frames)
            summary = pipeline.run(_start(source, selection, classifier))
    if not json:
        _print_summary(summary)


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise UsageError(f"--size expects WIDTHxHEIGHT, found '{text}'; try 1280x720")
    return int(width), int(height)


def _sinks(json: bool) -> list[Sink]:
    from edgecls.runtime.sinks import JsonLinesSink
    from edgecls.runtime.terminal import TerminalSink

    terminal = TerminalSink(sys.stderr)
    return [JsonLinesSink(sys.stdout), terminal] if json else [terminal]


def _start(source: FrameSource, selection: Selection, classifier: Classifier) -> Start:
    from edgecls.runtime.sinks import Start

    model, engine = selection.model, classifier.engine
    return Start(
        source=source.name,
        live=source.live,
        bundle=selection.bundle.name if selection.bundle else None,
        model=model.path.name,
        network=model.card.network,
        precision=model.card.precision,
        engine=engine.name,
        arithmetic=engine.arithmetic,
        threads=engine.threads,
        labels=model.card.labels,
    )


def _print_summary(summary: Summary) -> None:
    rows = [[stage, f"{p.p50:.2f}", f"{p.p90:.2f}", f"{p.p99:.2f}"] for stage, p in summary.stages_ms.items()]
    if rows:
        print_table(f"Stages of {summary.frames} frames, ms", ["stage", "p50", "p90", "p99"], rows)
