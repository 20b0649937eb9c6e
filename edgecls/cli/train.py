"""`edgecls train DATA`: labelled photos to a trained network with its report."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Annotated

import typer

from edgecls.errors import UsageError

INTERRUPTED = 130


def command(
    data: Annotated[
        Path, typer.Argument(help="Class-per-folder tree (train/val/test inside or not) or IDX files.")
    ],
    network: Annotated[
        str, typer.Option(help="enet, efficientnet_lite0 or mobilenet_v2.")
    ] = "efficientnet_lite0",
    regime: Annotated[
        str | None, typer.Option(help="scratch, head, finetune or two-stage; head where weights exist.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="Where the backbone's weights come from, or none.")
    ] = None,
    unfreeze: Annotated[
        str | None, typer.Option(help="First layer that fine-tuning trains: a name or a number.")
    ] = None,
    size: Annotated[
        int | None, typer.Option(min=1, max=4096, help="Side of the network's pictures, pixels.")
    ] = None,
    crop: Annotated[str, typer.Option(help="centre, letterbox or squash.")] = "centre",
    epochs: Annotated[int, typer.Option(min=1, help="Most epochs of each stage.")] = 40,
    patience: Annotated[
        int, typer.Option(min=0, help="Stop after so many epochs without a better one; 0: never.")
    ] = 20,
    batch_size: Annotated[int, typer.Option(min=1)] = 32,
    learning_rate: Annotated[float, typer.Option(help="Rate of the head and of scratch.")] = 1e-3,
    fine_tune_rate: Annotated[float, typer.Option(help="Rate of the layers that fine-tuning trains.")] = 1e-4,
    dropout: Annotated[float, typer.Option(min=0.0, max=0.9)] = 0.2,
    augment: Annotated[
        int | None,
        typer.Option(
            min=0, help="Head: augmented views kept of each photo (0). Other regimes: 0 is off, 1 on."
        ),
    ] = None,
    balance: Annotated[str, typer.Option(help="none, weights (class weights) or sampling.")] = "none",
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Split, initialisation, order and augmentation.")
    ] = 0,
    name: Annotated[str | None, typer.Option(help="Name of the run; default NETWORK-DATA-NNN.")] = None,
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("runs"),
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the interrupted run of these options.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Train again, even over a run of that name.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the run's record as JSON.")] = False,
) -> Path:
    """Train a classifier on labelled photos; the result is runs/NAME/."""
    from edgecls.cli.console import print_json, say, steps
    from edgecls.cli.training_summary import print_data, print_result, write_report
    from edgecls.data import open_data
    from edgecls.networks.table import find_network
    from edgecls.records import to_record
    from edgecls.runs import TrainingConfig
    from edgecls.training.train import train

    chosen = find_network(network)
    source = weights or chosen.default_weights
    plan = regime or ("scratch" if source == "none" else "head")
    _check_choice("--regime", plan, ("scratch", "head", "finetune", "two-stage"))
    _check_choice("--balance", balance, ("none", "weights", "sampling"))
    _check_choice("--crop", crop, ("centre", "letterbox", "squash"))
    _check_rates(learning_rate, fine_tune_rate)
    if source == "none" and plan in ("head", "two-stage") and weights is None:
        raise UsageError(f"--regime {plan} needs weights, and {network} has none; use --regime scratch")
    if unfreeze is not None and plan in ("scratch", "head"):
        raise UsageError(f"--unfreeze belongs to the regimes finetune and two-stage, found --regime {plan}")
    config = TrainingConfig(
        network=network,
        weights="none" if plan == "scratch" and weights is None else source,
        regime=plan,
        unfreeze=unfreeze,
        size=chosen.check_size(chosen.size if size is None else size),
        crop=crop,
        epochs=epochs,
        patience=patience,
        batch_size=batch_size,
        learning_rate=learning_rate,
        fine_tune_rate=fine_tune_rate,
        dropout=dropout,
        augment=augment if augment is not None else int(plan != "head"),
        balance=balance,
        seed=seed,
    )
    dataset = open_data(data, seed=seed)
    if not json:
        print_data(dataset)
    result = train(dataset, config, runs=runs, name=name, resume=resume, force=force, progress=steps)
    if result.unchanged:
        say(
            f"{result.folder}: unchanged, trained {result.record.created[:10]} from the same photos and options"
        )
    else:
        write_report(result.folder, result.record)
    print_json(to_record(result.record)) if json else print_result(result.folder, result.record)
    if result.record.status == "interrupted":
        say(
            f"stopped by Ctrl-C; {result.folder} holds the best weights so far, go on with the same command and --resume"
        )
        raise typer.Exit(INTERRUPTED)
    return result.folder


def _check_choice(option: str, found: str, choices: tuple[str, ...]) -> None:
    if found not in choices:
        raise UsageError(f"{option}: expected one of {', '.join(choices)}, found '{found}'")


def _check_rates(*rates: float) -> None:
    if not all(isfinite(rate) and rate > 0 for rate in rates):
        raise UsageError(
            f"a learning rate must be a number above 0, found {', '.join(f'{r:g}' for r in rates)}"
        )
