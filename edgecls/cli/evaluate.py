"""`edgecls evaluate [RUN|BUNDLE]`: accuracy on labelled photos, class by class."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgecls.cli.console import print_json, print_table, progress, say

if TYPE_CHECKING:
    from edgecls.evaluation.evaluate import Evaluation

SPLITS = ("train", "validation", "test")


def command(
    source: Annotated[
        str | None, typer.Argument(help="A run or a bundle; default the newest bundle.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Class folders to use instead of its own photos.")] = None,
    split: Annotated[
        str | None, typer.Option(help="Of a run's photos or of --data: train, validation or test (default).")
    ] = None,
    format: Annotated[str | None, typer.Option(help="Bundle: tflite or onnx.")] = None,
    precision: Annotated[
        str | None, typer.Option(help="Bundle: float32, float16, int8 or int8-avx2.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Bundle: threads of the engine.")] = 2,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure the accuracy of a training run or of one variant of a bundle."""
    from edgecls.errors import UsageError
    from edgecls.records import to_record

    if split is not None and split not in SPLITS:
        raise UsageError(f"--split: expected one of {', '.join(SPLITS)}, found '{split}'")
    evaluation = _evaluate(source, data, split, format=format, precision=precision, threads=threads)
    print_json(to_record(evaluation)) if json else _print(evaluation)


def _evaluate(
    source: str | None,
    data: Path | None,
    split: str | None,
    *,
    format: str | None,
    precision: str | None,
    threads: int,
) -> Evaluation:
    from edgecls.bundle import Bundle, find_bundle
    from edgecls.errors import UsageError
    from edgecls.evaluation.evaluate import evaluate_run, evaluate_variant
    from edgecls.runs import DOCUMENT, RUNS, read_run

    wants_bundle = format is not None or precision is not None
    for folder in (Path(source), RUNS / source) if source and not wants_bundle else ():
        if (folder / DOCUMENT).is_file():
            say(f"using {folder}, the Keras model of the run")
            with progress("photos") as tick:
                return evaluate_run(folder, read_run(folder), data=data, split=split or "test", tick=tick)
    bundle = Bundle.open(find_bundle(source))
    if split is not None and data is None:
        raise UsageError(f"--split needs --data here: {bundle.folder} carries held-out test photos alone")
    variant = bundle.variant(format=format, precision=precision)
    say(f"using {bundle.folder}, {variant.key}")
    with progress("photos") as tick:
        return evaluate_variant(bundle, variant, data=data, split=split or "test", threads=threads, tick=tick)


def _print(evaluation: Evaluation) -> None:
    rows = [
        [c.label, f"{100 * c.precision:.1f}", f"{100 * c.recall:.1f}", f"{100 * c.f1:.1f}", str(c.support)]
        for c in evaluation.classes
    ]
    print_table(evaluation.model, ["class", "precision %", "recall %", "F1 %", "photos"], rows)
    p = evaluation.top1
    say(
        f"top-1 {100 * p.value:.1f} % ({100 * p.low:.1f} to {100 * p.high:.1f}), balanced "
        f"{100 * evaluation.balanced:.1f} %, {evaluation.photos}; {evaluation.computed_by}"
    )
    for problem in evaluation.problems:
        say(f"left out: {problem.name}: {problem.reason}")
