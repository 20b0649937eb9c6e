"""`edgecls train DATA`: labelled photos to a trained network with its report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

INTERRUPTED = 130

# Groups of --help.
NETWORK = "Network"
STAGES = "What is trained, and how long"
FITTING = "Optimiser"
PHOTOS = "Photos"


def command(
    data: Annotated[
        Path, typer.Argument(help="Class-per-folder tree (train/val/test inside or not) or IDX files.")
    ],
    network: Annotated[
        str, typer.Option(rich_help_panel=NETWORK, help="Name of the network; `edgecls networks` lists them.")
    ] = "efficientnet_lite0",
    regime: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=STAGES, help="scratch, head, finetune or two-stage; head where weights exist."
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=NETWORK,
            help="A source the network has, a file (.keras, .weights.h5 that edgecls saved, .pth), or none.",
        ),
    ] = None,
    width: Annotated[
        float,
        typer.Option(
            rich_help_panel=NETWORK, help="Factor of the channels, of a network that can be scaled."
        ),
    ] = 1.0,
    head: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=NETWORK,
            help="pool, flatten-256 or paper (the hidden layers of the network's paper).",
        ),
    ] = None,
    unfreeze: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=STAGES,
            help="What finetune and two-stage train: all (default), late, or from a layer's name or number on.",
        ),
    ] = None,
    norm: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=STAGES,
            help="Batch normalisation in finetune and two-stage: kept (default) or trained.",
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=NETWORK, min=1, max=4096, help="Side of the network's pictures, pixels."
        ),
    ] = None,
    crop: Annotated[
        str, typer.Option(rich_help_panel=PHOTOS, help="centre, letterbox or squash.")
    ] = "centre",
    epochs: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=STAGES,
            min=1,
            help="Most epochs of each stage; default 40, then 12 of two-stage's second.",
        ),
    ] = None,
    fine_tune_epochs: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=STAGES, min=1, help="Most epochs of two-stage's second stage, if not --epochs."
        ),
    ] = None,
    patience: Annotated[
        int,
        typer.Option(
            rich_help_panel=STAGES,
            min=0,
            help="Stop after so many epochs without a better one; 0: never, as with --keep last.",
        ),
    ] = 20,
    keep: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=STAGES,
            help="Weights of the best epoch on the validation photos, or of the last; two-stage last, else best.",
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(rich_help_panel=FITTING, min=1)] = 32,
    optimizer: Annotated[
        str, typer.Option(rich_help_panel=FITTING, help="adam or sgd (Nesterov momentum 0.9).")
    ] = "adam",
    schedule: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=FITTING,
            help="Rate while the network itself is trained: cosine (with warm-up, default) or constant.",
        ),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=FITTING, help="Rate of head, of scratch, and of two-stage's head; default 0.001."
        ),
    ] = None,
    fine_tune_rate: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=FITTING,
            help="Rate of finetune and of two-stage's second stage; default: the network's own.",
        ),
    ] = None,
    weight_decay: Annotated[
        float, typer.Option(rich_help_panel=FITTING, min=0.0, max=1.0, help="Decoupled from the loss.")
    ] = 0.0,
    dropout: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=FITTING, min=0.0, max=0.9, help="In the head; 0.2, or 0.5 after hidden layers."
        ),
    ] = None,
    augment: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=PHOTOS,
            min=0,
            help="Augmented views a head sees of each photo (head 0, two-stage 4); else 0 is off, 1 on.",
        ),
    ] = None,
    flip: Annotated[
        bool, typer.Option(rich_help_panel=PHOTOS, help="Augmented views may be mirrored.")
    ] = True,
    cutout: Annotated[
        float,
        typer.Option(
            rich_help_panel=PHOTOS,
            min=0.0,
            max=0.9,
            help="Side of a square that is covered in each view, as a share of the view's; 0 is off.",
        ),
    ] = 0.0,
    hold_out: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=PHOTOS,
            min=0.001,
            max=0.5,
            help="Share of the training photos that validates where there is no val/; else 15 % of all, at most 5,000.",
        ),
    ] = None,
    balance: Annotated[
        str, typer.Option(rich_help_panel=FITTING, help="none, weights (class weights) or sampling.")
    ] = "none",
    precision: Annotated[
        str,
        typer.Option(rich_help_panel=FITTING, help="float32, or mixed: 16-bit arithmetic where it is safe."),
    ] = "float32",
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
    from edgecls.records import to_record
    from edgecls.training.options import TrainingOptions, make_config
    from edgecls.training.train import train

    options = TrainingOptions(
        network=network,
        width=width,
        weights=weights,
        regime=regime,
        head=head,
        unfreeze=unfreeze,
        norm=norm,
        size=size,
        crop=crop,
        epochs=epochs,
        fine_tune_epochs=fine_tune_epochs,
        patience=patience,
        keep=keep,
        batch_size=batch_size,
        optimizer=optimizer,
        schedule=schedule,
        learning_rate=learning_rate,
        fine_tune_rate=fine_tune_rate,
        weight_decay=weight_decay,
        dropout=dropout,
        augment=augment,
        flip=flip,
        cutout=cutout,
        balance=balance,
        precision=precision,
        seed=seed,
    )
    config = make_config(options)
    dataset = open_data(data, seed=seed, validation=hold_out)
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
            f"stopped by Ctrl-C; {result.folder} holds the weights so far, go on with the same command and --resume"
        )
        raise typer.Exit(INTERRUPTED)
    return result.folder
