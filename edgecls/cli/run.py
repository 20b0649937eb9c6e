"""`edgecls run`: classify what a camera sees, or files replayed as one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SOURCES = (
    "Camera number, /dev/videoN, csi://0, picamera://0, rtsp://..., http://..., gst:PIPELINE, photo, video, folder, "
    "glob or synthetic://640x480@30."
)
BUNDLE = "Bundle: its folder, its name below ./bundles, or one .tflite or .onnx; by default the newest."

MODEL, CAMERA, DECIDE, SINKS = "Model", "Source", "Decisions", "Where results go"


def command(
    bundle: Annotated[str | None, typer.Argument(help=BUNDLE)] = None,
    camera: Annotated[str, typer.Option(metavar="SOURCE", help=SOURCES, rich_help_panel=CAMERA)] = "0",
    size: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="Frame size to ask a camera for.", rich_help_panel=CAMERA),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(help="Frames a second, of a camera or with --live.", rich_help_panel=CAMERA),
    ] = None,
    rotate: Annotated[
        int, typer.Option(help="Turn pictures clockwise by 90, 180 or 270 degrees.", rich_help_panel=CAMERA)
    ] = 0,
    roi: Annotated[
        str | None,
        typer.Option(
            metavar="WxH+X+Y", help="Look at this part of the (turned) picture only.", rich_help_panel=CAMERA
        ),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Replay files as a camera would see them.", rich_help_panel=CAMERA)
    ] = False,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait", help="Wait for a camera that is absent at the start, too.", rich_help_panel=CAMERA
        ),
    ] = False,
    stall: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            help="Open a camera anew after so many s without a frame; default 5, over a network 20.",
            rich_help_panel=CAMERA,
        ),
    ] = None,
    max_age: Annotated[
        float | None,
        typer.Option(
            metavar="MS", min=1, help="A live frame that is older gives no result.", rich_help_panel=CAMERA
        ),
    ] = None,
    max_frames: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many results.", rich_help_panel=CAMERA)
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="One .tflite or .onnx made by edgecls export.", rich_help_panel=MODEL)
    ] = None,
    format: Annotated[str | None, typer.Option(help="tflite or onnx.", rich_help_panel=MODEL)] = None,
    precision: Annotated[
        str | None, typer.Option(help="float32, float16, int8 or int8-avx2.", rich_help_panel=MODEL)
    ] = None,
    engine: Annotated[
        str,
        typer.Option(help="auto, litert, tflite-runtime, onnxruntime or null.", rich_help_panel=MODEL),
    ] = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="By default those that are fastest.", rich_help_panel=MODEL)
    ] = None,
    top: Annotated[
        int, typer.Option(min=1, help="How many labels a result names.", rich_help_panel=MODEL)
    ] = 5,
    smooth: Annotated[
        float,
        typer.Option(
            metavar="S", help="Time constant of the smoothing of probabilities, in s.", rich_help_panel=DECIDE
        ),
    ] = 0.5,
    confirm: Annotated[
        str,
        typer.Option(
            metavar="K/N", help="A label comes when K of N frames are for it.", rich_help_panel=DECIDE
        ),
    ] = "3/5",
    hysteresis: Annotated[
        float,
        typer.Option(
            help="How much more it takes to replace a label than to keep it.", rich_help_panel=DECIDE
        ),
    ] = 0.1,
    hold: Annotated[
        float, typer.Option(metavar="S", help="A label stays at least so long, in s.", rich_help_panel=DECIDE)
    ] = 1.0,
    json: Annotated[
        bool, typer.Option("--json", help="JSON lines on stdout.", rich_help_panel=SINKS)
    ] = False,
    jsonl: Annotated[
        Path | None, typer.Option(help="JSON lines into this file, or - for stdout.", rich_help_panel=SINKS)
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(help="A row for each result into this file.", rich_help_panel=SINKS)
    ] = None,
    rotate_mb: Annotated[
        float,
        typer.Option(
            min=0.001, help="Such a file is set aside at this size, and begun anew.", rich_help_panel=SINKS
        ),
    ] = 100.0,
    rotate_keep: Annotated[
        int, typer.Option(min=0, help="How many files that were set aside stay.", rich_help_panel=SINKS)
    ] = 5,
) -> None:
    """Classify what a camera sees until Ctrl-C; the newest frame always wins.

    A camera that fails is opened again until it works. Files are replayed one by one, none left out, unless --live.
    """
    from edgecls.runtime.stopping import stop_on_signals

    with stop_on_signals() as stop:
        from edgecls.cli.run_model import select
        from edgecls.cli.run_parts import (
            Files,
            make_sinks,
            make_start,
            make_watcher,
            print_summary,
            read_size,
            read_votes,
        )
        from edgecls.runtime.classifier import open_classifier
        from edgecls.runtime.pipeline import Pipeline
        from edgecls.runtime.sources.grammar import Asked, open_source
        from edgecls.runtime.watcher import Steadiness

        asked = Asked(
            fps=fps, size=read_size(size), live=live, patient=wait, stall_s=stall, rotate=rotate, roi=roi
        )
        steadiness = Steadiness(smooth, *read_votes(confirm), hysteresis, hold)
        selected = select(
            bundle, file=model, format=format, precision=precision, engine=engine, threads=threads
        )
        selection = selected.selection
        classifier = open_classifier(
            selection.model, engine=selected.engine, threads=selected.threads, top_k=top
        )
        to_stdout = json or str(jsonl) == "-"
        sinks = make_sinks(
            to_stdout=to_stdout, jsonl=jsonl, csv=csv, files=Files(int(rotate_mb * 1e6), rotate_keep)
        )
        with open_source(camera, asked) as source:
            watcher = make_watcher(source, selection, steadiness)
            pipeline = Pipeline(
                source, classifier, sinks,
                watcher=watcher, stop=stop, max_frames=max_frames, max_age_ms=max_age,
            )  # fmt: skip
            summary = pipeline.run(make_start(source, selection, classifier))
    if not to_stdout:
        print_summary(summary)
