"""Regimes as stages: head on a frozen network, the network itself, or one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgecls.data import Loaded
from edgecls.metrics import Indices
from edgecls.networks.network import Network
from edgecls.networks.weights import load_weights
from edgecls.progress import Announce
from edgecls.runs import ALL_LAYERS, TrainingConfig
from edgecls.training.backend import precision, training_versions
from edgecls.training.batches import class_weights, make_batches
from edgecls.training.classifier import (
    build_head,
    freeze_backbone,
    head_kind,
    hidden_units,
    join,
    unfreeze_from,
    vectorize,
)
from edgecls.training.features import FeatureStore, Frozen, View, freeze, photo_vectors, predict_all
from edgecls.training.fit import FitPlan, FitResult, fit
from edgecls.training.trunk import cut_frozen

MOST_MAPS = 2 * 2**30  # bytes of memory; where a trunk's maps need more, photos pass it in every epoch


@dataclass(frozen=True)
class Classifier:
    """Backbone, head and the whole model, which share their weights."""

    backbone: Any
    head: Any
    model: Any


def build_classifier(
    keras: Any, network: Network, config: TrainingConfig, classes: int
) -> tuple[Classifier, str]:
    """The untrained classifier with its backbone's weights loaded, and where those came from."""
    keras.utils.set_random_seed(config.seed)
    with precision(keras, config.precision):
        backbone = network.build(config.size, config.width)
        source = load_weights(network, backbone, config.weights)
        backbone = vectorize(keras, backbone, head_kind(network, config.head))
        head = build_head(
            keras,
            int(backbone.output.shape[-1]),
            classes,
            hidden=hidden_units(network, config.head),
            dropout=config.dropout,
        )
        return Classifier(backbone, head, join(keras, backbone, head)), source


def train_stages(
    keras: Any,
    classifier: Classifier,
    *,
    config: TrainingConfig,
    train: Loaded,
    validation: Loaded,
    features: FeatureStore,
    folder: Path,
    announce: Announce,
) -> list[FitResult]:
    """Run the stages of the regime; stop after one that Ctrl-C interrupted or that diverged."""
    results = []
    if config.regime in ("head", "two-stage"):
        results.append(
            _head_stage(
                keras,
                classifier,
                config=config,
                train=train,
                validation=validation,
                features=features,
                folder=folder,
                announce=announce,
            )
        )
    stopped = results and (results[-1].interrupted or results[-1].best_accuracy < 0)
    if config.regime != "head" and not stopped:
        results.append(
            _network_stage(
                keras,
                classifier,
                config=config,
                train=train,
                validation=validation,
                folder=folder,
                announce=announce,
            )
        )
    return results


def _head_stage(
    keras: Any,
    classifier: Classifier,
    *,
    config: TrainingConfig,
    train: Loaded,
    validation: Loaded,
    features: FeatureStore,
    folder: Path,
    announce: Announce,
) -> FitResult:
    """Train the head on stored features."""
    freeze_backbone(classifier.backbone)
    frozen = frozen_backbone(keras, classifier, config)
    views = tuple(View(number, config.flip, config.cutout) for number in range(config.augment))
    seen = photo_vectors(features, frozen, train, views, announce("features, training photos"))
    held_out = features.vectors(frozen, validation, tick=announce("features, validation photos"))
    return fit(
        keras,
        classifier.head,
        lambda epoch: make_batches(
            keras,
            seen.values,
            seen.truth,
            batch_size=config.batch_size,
            balance=config.balance,
            seed=config.seed,
            first_epoch=epoch,
        ),
        validation=make_batches(keras, held_out, validation.truth, batch_size=config.batch_size),
        plan=_plan(config, seen.truth, epochs=config.epochs, rate=config.learning_rate),
        folder=folder / "head",
        tick=announce("epochs, head"),
    )


def frozen_backbone(keras: Any, classifier: Classifier, config: TrainingConfig) -> Frozen:
    """The backbone as the store knows it: its weights and layers, what makes its pixels, and what computes it."""
    layers = [layer.get_config() for layer in classifier.backbone.layers]
    return freeze(classifier.backbone, [config.size, config.crop, repr(layers), training_versions(keras)])


def _network_stage(
    keras: Any,
    classifier: Classifier,
    *,
    config: TrainingConfig,
    train: Loaded,
    validation: Loaded,
    folder: Path,
    announce: Announce,
) -> FitResult:
    """Train the network itself: all of it from random weights, or what is to be unfrozen."""
    scratch = config.regime == "scratch"
    if scratch:
        classifier.backbone.trainable = True
    else:
        unfreeze_from(keras, classifier.backbone, config.unfreeze or ALL_LAYERS, norm=config.norm)
    epochs = config.epochs if scratch else config.fine_tune_epochs
    seen = _seen(keras, classifier, config, [train.pixels, validation.pixels], announce)
    return fit(
        keras,
        seen.model,
        lambda epoch: make_batches(
            keras,
            seen.inputs[0],
            train.truth,
            batch_size=config.batch_size,
            balance=config.balance,
            augment=config.augment > 0,
            flip=config.flip,
            cutout=config.cutout,
            seed=config.seed,
            first_epoch=epoch,
        ),
        validation=make_batches(keras, seen.inputs[1], validation.truth, batch_size=config.batch_size),
        plan=_plan(
            config,
            train.truth,
            epochs=epochs,
            rate=config.learning_rate if scratch else config.fine_tune_rate,
            steps=-(-len(train) // config.batch_size) * epochs if config.schedule == "cosine" else None,
            baseline=config.regime == "two-stage",
        ),
        folder=folder / "network",
        tick=announce("epochs, network"),
    )


@dataclass(frozen=True)
class _Seen:
    """What a stage fits: the whole model on pixels, or its tail on what a frozen trunk made of them."""

    model: Any
    inputs: list[NDArray[Any]]


def _seen(
    keras: Any, classifier: Classifier, config: TrainingConfig, pixels: list[Any], announce: Announce
) -> _Seen:
    """Photos that are not augmented are the same in each epoch, and so is what a frozen trunk makes of them."""
    cut = None
    if config.augment == 0:
        with precision(keras, config.precision):
            cut = cut_frozen(keras, classifier.backbone, classifier.model)
    if cut is None or sum(map(len, pixels)) * cut.map_bytes > MOST_MAPS:
        return _Seen(classifier.model, pixels)
    steps = ("training", "validation")
    maps = [
        predict_all(cut.trunk, part, announce(f"frozen layers, {step} photos"))
        for part, step in zip(pixels, steps, strict=True)
    ]
    return _Seen(cut.tail, maps)


def _plan(
    config: TrainingConfig,
    truth: Indices,
    *,
    epochs: int,
    rate: float,
    steps: int | None = None,
    baseline: bool = False,
) -> FitPlan:
    return FitPlan(
        epochs,
        config.patience,
        rate,
        optimizer=config.optimizer,
        weight_decay=config.weight_decay,
        steps=steps,
        class_weight=class_weights(truth) if config.balance == "weights" else None,
        baseline=baseline,
        keep=config.keep,
        seed=config.seed,
    )
