"""`edgecls run`: classify what a camera sees, or files replayed as one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from edgecls.cli.run_config import PREFIX, config_text, read_config

SOURCES = (
    "Camera number, /dev/videoN, csi://0, picamera://0, rtsp://..., http://..., gst:PIPELINE, photo, video, folder, "
    "glob or synthetic://640x480@30."
)
BUNDLE = "Bundle: its folder, its name below ./bundles, or one .tflite or .onnx; by default the newest."

# What runs unattended is configured by its environment, too; a training must not be changed by what stands there.
SETTINGS = {"auto_envvar_prefix": PREFIX}
# Every option may stand there: the help says so once.
of_source, of_model, of_decision, of_sinks, of_config = (
    partial(typer.Option, show_envvar=False, rich_help_panel=panel)
    for panel in ("Source", "Model", "Decisions", "Where results go", "Configuration")
)


def command(
    ctx: typer.Context,
    bundle: Annotated[str | None, typer.Argument(help=BUNDLE)] = None,
    camera: Annotated[str, of_source(metavar="SOURCE", help=SOURCES)] = "0",
    size: Annotated[
        str | None,
        of_source(metavar="WxH", help="Frame size to ask a camera for."),
    ] = None,
    fps: Annotated[
        float | None,
        of_source(help="Frames a second, of a camera or with --live."),
    ] = None,
    rotate: Annotated[int, of_source(help="Turn pictures clockwise by 90, 180 or 270 degrees.")] = 0,
    roi: Annotated[
        str | None,
        of_source(metavar="WxH+X+Y", help="Look at this part of the (turned) picture only."),
    ] = None,
    live: Annotated[bool, of_source("--live", help="Replay files as a camera would see them.")] = False,
    wait: Annotated[
        bool,
        of_source("--wait", help="Wait for a camera that is absent at the start, too."),
    ] = False,
    stall: Annotated[
        float | None,
        of_source(
            metavar="S",
            help="Open a camera anew after so many s without a frame; default 5, over a network 20.",
        ),
    ] = None,
    max_age: Annotated[
        float | None,
        of_source(metavar="MS", min=1, help="A live frame that is older gives no result."),
    ] = None,
    max_frames: Annotated[int | None, of_source(min=1, help="Stop after so many results.")] = None,
    model: Annotated[Path | None, of_model(help="One .tflite or .onnx made by edgecls export.")] = None,
    format: Annotated[str | None, of_model(help="tflite or onnx.")] = None,
    precision: Annotated[str | None, of_model(help="float32, float16, int8 or int8-avx2.")] = None,
    engine: Annotated[
        str,
        of_model(help="auto, litert, tflite-runtime, onnxruntime or null."),
    ] = "auto",
    threads: Annotated[
        int | None, of_model(min=1, max=256, help="By default those that are fastest.")
    ] = None,
    top: Annotated[int, of_model(min=1, help="How many labels a result names.")] = 5,
    threshold: Annotated[
        float | None,
        of_decision(
            min=0,
            max=1,
            help="One threshold for all labels instead of the bundle's: 0 names everything, 1 nothing.",
        ),
    ] = None,
    smooth: Annotated[
        float,
        of_decision(metavar="S", help="Time constant of the smoothing of probabilities, in s."),
    ] = 0.5,
    confirm: Annotated[
        str,
        of_decision(metavar="K/N", help="A label comes when K of N frames are for it."),
    ] = "3/5",
    hysteresis: Annotated[
        float,
        of_decision(help="How much more it takes to replace a label than to keep it."),
    ] = 0.1,
    hold: Annotated[float, of_decision(metavar="S", help="A label stays at least so long, in s.")] = 1.0,
    json: Annotated[bool, of_sinks("--json", help="JSON lines on stdout.")] = False,
    jsonl: Annotated[Path | None, of_sinks(help="JSON lines into this file, or - for stdout.")] = None,
    csv: Annotated[Path | None, of_sinks(help="A row for each result into this file.")] = None,
    mqtt: Annotated[
        str | None,
        of_sinks(
            metavar="URL",
            help="MQTT broker, mqtt:// or mqtts://USER@HOST:PORT/TOPIC; mqtt://HOST will do.",
        ),
    ] = None,
    mqtt_password: Annotated[
        str | None, of_sinks(help="Better in EDGECLS_RUN_MQTT_PASSWORD: others can read a command line.")
    ] = None,
    mqtt_ca: Annotated[
        Path | None, of_sinks(help="CA certificates (PEM) for mqtts://; by default the system's.")
    ] = None,
    home_assistant: Annotated[
        bool, of_sinks("--home-assistant", help="Announce the run to Home Assistant, over MQTT.")
    ] = False,
    webhook: Annotated[
        str | None, of_sinks(metavar="URL", help="Post each event there, until it is taken.")
    ] = None,
    webhook_token: Annotated[
        str | None, of_sinks(help="Bearer token; better in EDGECLS_RUN_WEBHOOK_TOKEN.")
    ] = None,
    webhook_spool: Annotated[
        Path | None, of_sinks(help="File in which events wait; by default one in the state folder.")
    ] = None,
    on_event: Annotated[
        str | None, of_sinks(metavar="COMMAND", help="Run this for each event, its JSON on stdin.")
    ] = None,
    hard_frames: Annotated[
        Path | None, of_sinks(metavar="FOLDER", help="Save uncertain and changing frames there.")
    ] = None,
    hard_frames_mb: Annotated[
        float, of_sinks(min=0.1, help="Most megabytes of such frames; the oldest go.")
    ] = 500.0,
    metrics: Annotated[
        str | None,
        of_sinks(
            metavar="[HOST:]PORT",
            help="Numbers for Prometheus at http://HOST:PORT/metrics; on this machine only unless HOST is given.",
        ),
    ] = None,
    preview: Annotated[bool, of_sinks("--preview", help="Live page at http://127.0.0.1:8088.")] = False,
    preview_at: Annotated[
        str | None,
        of_sinks(metavar="[HOST:]PORT", help="Live page there; others than this machine need a token."),
    ] = None,
    preview_token: Annotated[
        str | None, of_sinks(help="Token of the page; by default a new one, which is printed.")
    ] = None,
    rotate_mb: Annotated[
        float,
        of_sinks(min=0.001, help="Such a file is set aside at this size, and begun anew."),
    ] = 100.0,
    rotate_keep: Annotated[int, of_sinks(min=0, help="How many files that were set aside stay.")] = 5,
    config: Annotated[
        Path | None,
        of_config(
            help="TOML file whose table \\[run] has these options, e.g. camera = 0.",
            callback=read_config,
            is_eager=True,
        ),
    ] = None,
    print_config: Annotated[
        bool,
        of_config("--print-config", help="Print every option as it holds now, as such a file."),
    ] = False,
) -> None:
    """Classify what a camera sees until Ctrl-C; the newest frame always wins.

    A camera that fails is opened again until it works. Files are replayed one by one, none left out, unless --live.
    Each option may also stand in the environment, as EDGECLS_RUN_CAMERA does for --camera.
    """
    if print_config:
        typer.echo(config_text(ctx), nl=False)
        return
    from edgecls.runtime.stopping import end_at_once, stop_on_signals

    with end_at_once():
        from edgecls.cli.run_model import select
        from edgecls.cli.run_parts import (
            make_start,
            make_watcher,
            print_summary,
            read_size,
            read_votes,
            with_threshold,
        )
        from edgecls.cli.run_sinks import USUAL_PREVIEW, SinkOptions, make_sinks
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
        selection = with_threshold(selected.selection, threshold)
        classifier = open_classifier(
            selection.model, engine=selected.engine, threads=selected.threads, top_k=top
        )
        to_stdout = json or str(jsonl) == "-"
        sinks = make_sinks(
            SinkOptions(
                to_stdout=to_stdout,
                jsonl=jsonl,
                csv=csv,
                file_bytes=int(rotate_mb * 1e6),
                files_kept=rotate_keep,
                mqtt=mqtt,
                mqtt_password=mqtt_password,
                mqtt_ca=mqtt_ca,
                home_assistant=home_assistant,
                webhook=webhook,
                webhook_token=webhook_token,
                webhook_spool=webhook_spool,
                on_event=on_event,
                hard_frames=hard_frames,
                hard_frames_mb=hard_frames_mb,
                metrics=metrics,
                preview=preview_at or (USUAL_PREVIEW if preview else None),
                preview_token=preview_token,
            )
        )
        with open_source(camera, asked) as source, stop_on_signals() as stop:
            watcher = make_watcher(source, selection, steadiness)
            pipeline = Pipeline(
                source, classifier, sinks,
                watcher=watcher, stop=stop, max_frames=max_frames, max_age_ms=max_age,
            )  # fmt: skip
            try:
                summary = pipeline.run(make_start(source, selection, classifier))
            finally:
                for fault in pipeline.last_faults:
                    typer.echo(fault.message, err=True)
    if not to_stdout:
        print_summary(summary)
