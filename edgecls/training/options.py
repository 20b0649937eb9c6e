"""What a user may say about a training run, and the full configuration that follows from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from edgecls.errors import UsageError
from edgecls.networks.network import HEADS, Network
from edgecls.networks.table import find_network
from edgecls.preprocess import Crop
from edgecls.runs import ALL_LAYERS, TrainingConfig
from edgecls.training.classifier import hidden_units

REGIMES = ("scratch", "head", "finetune", "two-stage")
CHOICES = {
    "regime": REGIMES,
    "head": HEADS,
    "norm": ("kept", "trained"),
    "keep": ("best", "last"),
    "crop": tuple(crop.value for crop in Crop),
    "optimizer": ("adam", "sgd"),
    "schedule": ("cosine", "constant"),
    "balance": ("none", "weights", "sampling"),
    "precision": ("float32", "mixed"),
}

# The regimes that read an option; one that is not here is read by all. `epochs`: see `unread_options`.
READ_BY = {
    "weights": ("head", "finetune", "two-stage"),
    "unfreeze": ("finetune", "two-stage"),
    "norm": ("finetune", "two-stage"),
    "fine_tune_epochs": ("finetune", "two-stage"),
    "fine_tune_rate": ("finetune", "two-stage"),
    "learning_rate": ("scratch", "head", "two-stage"),
    "schedule": ("scratch", "finetune", "two-stage"),
}
EPOCHS = 40
LATE = "late"  # the network's own late layers

# How two-stage tunes unless told otherwise: all layers, from a trained head on, for a few epochs, and what comes of
# them is kept: validation photos of a small set are too few to choose an epoch by. docs/results/ has what it gains.
TUNING_EPOCHS = 12
TUNING_VIEWS = 4


@dataclass(frozen=True)
class TrainingOptions:
    """The options of `edgecls train` and of a study's cells; None: what suits the network and the regime."""

    network: str = "efficientnet_lite0"
    width: float = 1.0
    weights: str | None = None
    regime: str | None = None
    head: str | None = None
    unfreeze: str | None = None
    norm: str | None = None
    size: int | None = None
    crop: str = "centre"
    epochs: int | None = None
    fine_tune_epochs: int | None = None
    patience: int = 20
    keep: str | None = None
    batch_size: int = 32
    optimizer: str = "adam"
    schedule: str | None = None
    learning_rate: float | None = None
    fine_tune_rate: float | None = None
    weight_decay: float = 0.0
    dropout: float | None = None
    augment: int | None = None
    flip: bool = True
    cutout: float = 0.0
    balance: str = "none"
    precision: str = "float32"
    seed: int = 0


def make_config(options: TrainingOptions) -> TrainingConfig:
    """The configuration that these options ask for.

    Raises UsageError for a network, choice, size or rate that does not exist, options that contradict, or one
    that the regime never reads.
    """
    network = find_network(options.network)
    _check_choices(options)
    source = options.weights or network.default_weights
    regime = _regime(options)
    _check_regime(options, regime, source)
    head = options.head or network.head
    epochs, fine_tune_epochs = _epochs(options, regime)
    tuning = regime == "two-stage"
    keep = options.keep or ("last" if tuning else "best")
    views = {"head": 0, "two-stage": TUNING_VIEWS}.get(regime, 1)
    augment = views if options.augment is None else _at_least("augment", options.augment, 0)
    config = TrainingConfig(
        network=network.name,
        width=network.check_width(options.width),
        weights="none" if regime == "scratch" and options.weights is None else source,
        regime=regime,
        head=head,
        unfreeze=_unfreeze(options, regime, network),
        norm=options.norm or "kept",
        size=network.check_size(network.size if options.size is None else options.size),
        crop=options.crop,
        epochs=_at_least("epochs", epochs, 1),
        fine_tune_epochs=_at_least("fine-tune-epochs", fine_tune_epochs, 1),
        patience=_at_least("patience", options.patience, 0) if keep == "best" else 0,
        keep=keep,
        batch_size=_at_least("batch-size", options.batch_size, 1),
        optimizer=options.optimizer,
        schedule=options.schedule or "cosine",
        learning_rate=_positive(
            "learning-rate", 1e-3 if options.learning_rate is None else options.learning_rate
        ),
        fine_tune_rate=_positive(
            "fine-tune-rate",
            network.fine_tune_rate if options.fine_tune_rate is None else options.fine_tune_rate,
        ),
        weight_decay=_share("weight-decay", options.weight_decay, most=1.0),
        dropout=_dropout(options.dropout, network, head),
        augment=augment,
        flip=options.flip or augment == 0,
        cutout=_cutout(options.cutout, augment),
        balance=options.balance,
        precision=options.precision,
        seed=options.seed,
    )
    _check_unread(options, regime)
    return config


def without_unread(options: TrainingOptions) -> TrainingOptions:
    """The same options without those that their regime never reads: both train the same network.

    For studies, which lay options over many cells. Raises UsageError for a network that does not exist.
    """
    unread: dict[str, Any] = dict.fromkeys(unread_options(options, _regime(options)))
    return replace(options, **unread)


def unread_options(options: TrainingOptions, regime: str) -> list[str]:
    """The fields that are given and that trainings of this regime never read.

    Fine-tuning alone has one stage: `epochs` are its epochs unless `fine_tune_epochs` says them.
    """
    unread = [name for name, regimes in READ_BY.items() if regime not in regimes and _is_given(options, name)]
    if regime == "finetune" and options.epochs is not None and options.fine_tune_epochs is not None:
        unread.append("epochs")
    return unread


def _is_given(options: TrainingOptions, name: str) -> bool:
    found = getattr(options, name)
    return found is not None and (name, found) != ("weights", "none")  # what scratch has


def _regime(options: TrainingOptions) -> str:
    """The regime that was asked for, else the head where weights exist. Raises UsageError for an unknown network."""
    source = options.weights or find_network(options.network).default_weights
    return options.regime or ("scratch" if source == "none" else "head")


def _epochs(options: TrainingOptions, regime: str) -> tuple[int, int]:
    """The epochs of the first stage and of fine-tuning; fine-tuning alone has one number."""
    epochs = EPOCHS if options.epochs is None else options.epochs
    fine_tune = options.fine_tune_epochs
    if fine_tune is None:
        fine_tune = TUNING_EPOCHS if regime == "two-stage" and options.epochs is None else epochs
    return (fine_tune if regime == "finetune" else epochs), fine_tune


def _unfreeze(options: TrainingOptions, regime: str, network: Network) -> str | None:
    """The first layer that is trained, all of them unless said; None in a regime that never reads it."""
    if regime not in READ_BY["unfreeze"]:
        return options.unfreeze
    return (network.unfreeze if options.unfreeze == LATE else options.unfreeze) or ALL_LAYERS


def _check_unread(options: TrainingOptions, regime: str) -> None:
    for name in unread_options(options, regime):
        flag = f"--{name.replace('_', '-')}"
        if name == "epochs":
            raise UsageError(
                f"{flag}: regime {regime} is one stage, found --fine-tune-epochs too; give one of them"
            )
        *some, last = READ_BY[name]
        raise UsageError(
            f"{flag} belongs to the regimes {', '.join(some)} and {last}, found regime {regime}; "
            f"leave {flag} out, or choose one of these regimes"
        )


def _check_choices(options: TrainingOptions) -> None:
    for name, choices in CHOICES.items():
        found = getattr(options, name)
        if found is not None and found not in choices:
            raise UsageError(f"--{name}: expected one of {', '.join(choices)}, found '{found}'")


def _check_regime(options: TrainingOptions, regime: str, source: str) -> None:
    if source == "none" and regime != "scratch" and options.weights is None:
        raise UsageError(
            f"--regime {regime} needs weights, and {options.network} has none; "
            "use --regime scratch, or name a file with --weights FILE"
        )


def _dropout(asked: float | None, network: Network, head: str) -> float:
    """A hidden layer of hundreds of units needs more of it than the last layer alone."""
    if asked is None:
        return 0.5 if hidden_units(network, head) else 0.2
    return _share("dropout", asked, most=0.9)


def _cutout(asked: float, augment: int) -> float:
    """Only views are cut."""
    if asked and not augment:
        raise UsageError(f"--cutout {asked:g} needs augmented views, found none; add --augment 1")
    return _share("cutout", asked, most=0.9)


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
