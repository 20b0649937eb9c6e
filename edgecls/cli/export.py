"""`edgecls export [RUN] --int8`: a training run to a measured bundle."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgecls.errors import UsageError

if TYPE_CHECKING:
    from edgecls.bundle import Bundle
    from edgecls.manifest import Limits

FORMATS = ("tflite", "onnx")


def command(
    run: Annotated[
        str | None, typer.Argument(help="Folder or name of a run; default the newest complete one.")
    ] = None,
    int8: Annotated[bool, typer.Option("--int8/--no-int8", help="Make int8 variants beside float.")] = True,
    format: Annotated[
        str | None, typer.Option(help="tflite, onnx or both with a comma; default: both are tried.")
    ] = None,
    also: Annotated[
        str, typer.Option(help="Lighter files without calibration: float16, dynamic, or both with a comma.")
    ] = "",
    max_drop: Annotated[float, typer.Option(help="Points of top-1 that int8 may lose against float.")] = 0.5,
    max_class_drop: Annotated[float, typer.Option(help="Points that any one class may lose.")] = 5.0,
    min_agreement: Annotated[
        float, typer.Option(help="Share of the photos that float decides (margin 0.1) with float's answer.")
    ] = 0.99,
    min_precision: Annotated[
        float,
        typer.Option(
            help="Answers above their threshold should be right at least so often; 0 for no thresholds."
        ),
    ] = 0.9,
    effort: Annotated[
        str,
        typer.Option(
            help="How much may stay in float if the gate wants it: quick none, normal a quarter, max half."
        ),
    ] = "normal",
    calibration: Annotated[
        int, typer.Option(min=10, help="Training photos that give the int8 ranges.")
    ] = 200,
    photos: Annotated[int, typer.Option(min=1, help="Held-out photos carried in the bundle.")] = 200,
    photos_mb: Annotated[float, typer.Option(min=0.1, help="Most megabytes of such photos.")] = 25.0,
    target: Annotated[
        str, typer.Option(help="Device that int8 is made for, of `edgecls devices`; default any.")
    ] = "",
    data: Annotated[
        Path | None, typer.Option(help="Where the run's photos are now, if they were moved.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the bundle; default NETWORK-DATA-NNN.")] = None,
    bundles: Annotated[Path, typer.Option(help="Folder of the bundles.")] = Path("bundles"),
    seed: Annotated[int, typer.Option(min=0, help="Which photos are drawn.")] = 0,
    force: Annotated[
        bool, typer.Option("--force", help="Export again, even over a bundle of that name.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the bundle's manifest as JSON.")] = False,
) -> Path:
    """Convert, quantize, measure and pack a trained network; the result is bundles/NAME/."""
    import os

    from edgecls.cli.console import print_json, say, steps
    from edgecls.export.export import export_run
    from edgecls.export.ladder import EFFORTS
    from edgecls.export.lighter import LIGHTER
    from edgecls.export.options import ExportOptions
    from edgecls.records import to_record
    from edgecls.runs import find_run, read_run

    limits = _limits(max_drop, max_class_drop, min_agreement)
    _check_share("--min-precision", min_precision)
    if effort not in EFFORTS:
        raise UsageError(f"--effort: expected {', '.join(EFFORTS)}, found '{effort}'")
    folder = find_run(run)
    if run is None:
        say(f"run: {folder} (the newest)")
    options = ExportOptions(
        int8=int8,
        formats=FORMATS if format is None else _choices("--format", format, FORMATS),
        named=format is not None,
        limits=limits,
        min_precision=min_precision,
        target=target,
        also=_choices("--also", also, LIGHTER) if also else (),
        effort=effort,
        calibration_photos=calibration,
        evaluation_photos=photos,
        evaluation_bytes=int(photos_mb * 1024 * 1024),
        seed=seed,
        threads=min(4, os.cpu_count() or 1),
    )
    result = export_run(
        folder, read_run(folder), options, bundles=bundles, data=data, name=name, force=force, progress=steps
    )
    if result.unchanged:
        _verify(result.bundle)
        say(f"{result.bundle.folder}: unchanged, exported from the same run and options, and verified")
    print_json(to_record(result.bundle.manifest)) if json else print_bundle(result.bundle)
    return result.bundle.folder


def print_bundle(bundle: Bundle) -> None:
    """The variants of a bundle with their figures, and those that stayed out with their reason."""
    from edgecls.cli.console import print_table, say
    from edgecls.reporting.wording import describe_confidence, describe_thresholds, describe_unquantized

    rows = [
        [
            v.key,
            f"{v.size_bytes / 1e6:.2f} MB",
            f"{100 * v.gate.top1.value:.1f} %",
            f"{100 * v.test.top1.value:.1f} %",
            f"{100 * v.test.agreement.drop:+.1f} ({100 * v.test.agreement.drop_low:+.1f} to "
            f"{100 * v.test.agreement.drop_high:+.1f})",
            f"{100 * v.test.agreement.decided:.1f} %",
        ]
        for v in bundle.manifest.variants
    ]
    columns = [
        "variant",
        "size",
        "gate top-1",
        "test top-1",
        "test drop, points (95 %)",
        "agreement, decided",
    ]
    print_table(str(bundle.folder), columns, rows)
    first = bundle.manifest.variants[0]
    say(f"gate: {first.gate.photos}; test: {first.test.photos}, read once")
    if bundle.manifest.calibration is not None:
        for warning in bundle.manifest.calibration.warnings:
            say(f"note: calibration: {warning}")
    say(describe_confidence(bundle.manifest.confidence))
    say(describe_thresholds(bundle.manifest))
    for rung in bundle.manifest.rungs:
        if rung.reason or rung.name != bundle.manifest.rungs[0].name:
            say(f"{rung.format} {rung.precision}, {rung.name}: {rung.reason or 'within the gate'}")
        if rung.taken and rung.unquantized:
            say(f"note: {describe_unquantized(rung)}; another activation, or --format, may help")
    for rejected in bundle.manifest.rejected:
        say(f"left out: {rejected.format} {rejected.precision}: {rejected.reason}")
    for v in bundle.manifest.variants:
        if 100 * v.test.agreement.drop > bundle.manifest.limits.max_drop:
            say(
                f"note: {v.key} passed the gate but loses {100 * v.test.agreement.drop:.1f} points on the test "
                "photos; the choice was made without them and stands"
            )


def _limits(max_drop: float, max_class_drop: float, min_agreement: float) -> Limits:
    from edgecls.manifest import Limits

    for flag, found in (("--max-drop", max_drop), ("--max-class-drop", max_class_drop)):
        if not 0 <= found < inf:
            raise UsageError(f"{flag}: expected points of top-1, 0 or more, found {found:g}")
    _check_share("--min-agreement", min_agreement)
    return Limits(max_drop, max_class_drop, min_agreement)


def _check_share(flag: str, found: float) -> None:
    if not 0 <= found <= 1:
        raise UsageError(f"{flag}: expected a share of 0 to 1, found {found:g}")


def _choices(flag: str, given: str, choices: tuple[str, ...]) -> tuple[str, ...]:
    """Names with commas between, in the order of `choices`."""
    names = [part.strip() for part in given.split(",") if part.strip()]
    if not names or any(name not in choices for name in names):
        raise UsageError(f"{flag}: expected {', '.join(choices)} or both with a comma, found '{given}'")
    return tuple(name for name in choices if name in names)


def _verify(bundle: Bundle) -> None:
    from edgecls.devices.detect import detect_machine
    from edgecls.errors import ModelError
    from edgecls.runtime.verify import verify_bundle

    verification = verify_bundle(bundle, detect_machine())
    if not verification.passed:
        failed = [c.reason for c in verification.variants if c.reason] + list(verification.faults)
        raise ModelError(f"{bundle.folder}: found but not sound: {failed[0]}; export again with --force")
