"""What a user may say about a training run, and the full configuration that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from edgecls.errors import UsageError
from edgecls.networks.network import HEADS, Network
from edgecls.networks.table import find_network
from edgecls.preprocess import Crop
from edgecls.runs import TrainingConfig
from edgecls.training.classifier import hidden_units

REGIMES = ("scratch", "head", "finetune", "two-stage")
CHOICES = {
    "regime": REGIMES,
    "head": HEADS,
    "norm": ("kept", "trained"),
    "crop": tuple(crop.value for crop in Crop),
    "optimizer": ("adam", "sgd"),
    "schedule": ("cosine", "constant"),
    "balance": ("none", "weights", "sampling"),
    "precision": ("float32", "mixed"),
}


@dataclass(frozen=True)
class TrainingOptions:
    """The options of `edgecls train` and of a study's cells; None: what suits the network and the regime."""

    network: str = "efficientnet_lite0"
    width: float = 1.0
    weights: str | None = None
    regime: str | None = None
    head: str | None = None
    unfreeze: str | None = None
    norm: str = "kept"
    size: int | None = None
    crop: str = "centre"
    epochs: int = 40
    fine_tune_epochs: int | None = None
    patience: int = 20
    batch_size: int = 32
    optimizer: str = "adam"
    schedule: str = "cosine"
    learning_rate: float = 1e-3
    fine_tune_rate: float = 1e-4
    weight_decay: float = 0.0
    dropout: float | None = None
    augment: int | None = None
    flip: bool = True
    balance: str = "none"
    precision: str = "float32"
    seed: int = 0


def make_config(options: TrainingOptions) -> TrainingConfig:
    """The configuration that these options ask for.

    Raises UsageError for a network, choice, size or rate that does not exist, or options that contradict.
    """
    network = find_network(options.network)
    _check_choices(options)
    source = options.weights or network.default_weights
    regime = options.regime or ("scratch" if source == "none" else "head")
    _check_regime(options, regime, source)
    head = options.head or network.head
    return TrainingConfig(
        network=network.name,
        width=network.check_width(options.width),
        weights="none" if regime == "scratch" and options.weights is None else source,
        regime=regime,
        head=head,
        unfreeze=options.unfreeze,
        norm=options.norm,
        size=network.check_size(network.size if options.size is None else options.size),
        crop=options.crop,
        epochs=_at_least("epochs", options.epochs, 1),
        fine_tune_epochs=_at_least(
            "fine-tune-epochs",
            options.epochs if options.fine_tune_epochs is None else options.fine_tune_epochs,
            1,
        ),
        patience=_at_least("patience", options.patience, 0),
        batch_size=_at_least("batch-size", options.batch_size, 1),
        optimizer=options.optimizer,
        schedule=options.schedule,
        learning_rate=_positive("learning-rate", options.learning_rate),
        fine_tune_rate=_positive("fine-tune-rate", options.fine_tune_rate),
        weight_decay=_share("weight-decay", options.weight_decay, most=1.0),
        dropout=_dropout(options.dropout, network, head),
        augment=_at_least(
            "augment", int(regime != "head") if options.augment is None else options.augment, 0
        ),
        flip=options.flip,
        balance=options.balance,
        precision=options.precision,
        seed=options.seed,
    )


def _check_choices(options: TrainingOptions) -> None:
    for name, choices in CHOICES.items():
        found = getattr(options, name)
        if found is not None and found not in choices:
            raise UsageError(f"--{name}: expected one of {', '.join(choices)}, found '{found}'")


def _check_regime(options: TrainingOptions, regime: str, source: str) -> None:
    if regime == "scratch" and source != "none" and options.weights is not None:
        raise UsageError(
            f"--regime scratch trains random weights, found --weights {source}; "
            "use --regime finetune, or leave --weights out"
        )
    if source == "none" and regime != "scratch" and options.weights is None:
        raise UsageError(
            f"--regime {regime} needs weights, and {options.network} has none; "
            "use --regime scratch, or name a file with --weights FILE"
        )
    if options.unfreeze is not None and regime in ("scratch", "head"):
        raise UsageError(f"--unfreeze belongs to the regimes finetune and two-stage, found --regime {regime}")


def _dropout(asked: float | None, network: Network, head: str) -> float:
    """A hidden layer of hundreds of units needs more of it than the last layer alone."""
    if asked is None:
        return 0.5 if hidden_units(network, head) else 0.2
    return _share("dropout", asked, most=0.9)


def _share(name: str, found: float, *, most: float) -> float:
    if not 0 <= found <= most:
        raise UsageError(f"--{name}: expected 0 to {most:g}, found {found:g}")
    return found


def _positive(name: str, rate: float) -> float:
    if not (isfinite(rate) and rate > 0):
        raise UsageError(f"--{name}: a learning rate must be a number above 0, found {rate:g}")
    return rate


def _at_least(name: str, found: int, least: int) -> int:
    if found < least:
        raise UsageError(f"--{name}: expected at least {least}, found {found}")
    return found
