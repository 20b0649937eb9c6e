"""A head on a frozen network, twice: with the network inside the fit, and on stored features. Same photos, same head.

    python benchmarks/frozen_features.py data/groceries --network vgg16 --weights weights/vgg16.weights.h5 --size 150

The first is how tutorials do it: `fit` on frozen network and head together, so that every photo passes the network
once an epoch. The second is what `edgecls train --regime head` does. Both start from the same weights of the head and
take the same batches; each time holds the training photos' and the validation photos' passes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgecls.data import Loaded, load_pixels, open_data
from edgecls.devices.detect import detect_machine
from edgecls.metrics import Proportion, top1
from edgecls.networks.table import find_network
from edgecls.preprocess import Preprocess
from edgecls.runs import TrainingConfig
from edgecls.training.backend import import_keras
from edgecls.training.batches import make_batches
from edgecls.training.classifier import freeze_backbone
from edgecls.training.features import FeatureStore, predict_all
from edgecls.training.options import TrainingOptions, make_config
from edgecls.training.stages import Classifier, build_classifier, frozen_backbone


@dataclass(frozen=True)
class Outcome:
    """Seconds of the training, and the accuracy on the test photos."""

    seconds: float
    test: Proportion


def fit_inside(
    keras: Any, classifier: Classifier, config: TrainingConfig, data: dict[str, Loaded]
) -> Outcome:
    """The frozen network inside the fit."""
    started = time.monotonic()
    _fit(keras, classifier.model, config, data, lambda loaded: loaded.pixels)
    seconds = time.monotonic() - started
    return Outcome(seconds, top1(predict_all(classifier.model, data["test"].pixels), data["test"].truth))


def fit_on_features(
    keras: Any, classifier: Classifier, config: TrainingConfig, data: dict[str, Loaded]
) -> Outcome:
    """The head alone, on features computed once."""
    store, frozen = FeatureStore(), frozen_backbone(keras, classifier, config)
    started = time.monotonic()
    _fit(keras, classifier.head, config, data, lambda loaded: store.vectors(frozen, loaded))
    seconds = time.monotonic() - started
    return Outcome(seconds, top1(predict_all(classifier.model, data["test"].pixels), data["test"].truth))


def _fit(
    keras: Any,
    model: Any,
    config: TrainingConfig,
    data: dict[str, Loaded],
    values: Callable[[Loaded], np.ndarray[Any, Any]],
) -> None:
    keras.utils.set_random_seed(config.seed)
    model.compile(
        optimizer=keras.optimizers.Adam(config.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    train, validation = data["train"], data["validation"]
    held_out = make_batches(keras, values(validation), validation.truth, batch_size=config.batch_size)
    batches = make_batches(keras, values(train), train.truth, batch_size=config.batch_size, seed=config.seed)
    model.fit(batches, validation_data=held_out, epochs=config.epochs, shuffle=False, verbose=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--network", default="efficientnet_lite0")
    parser.add_argument("--weights")
    parser.add_argument("--size", type=int)
    parser.add_argument("--head", default="flatten-256")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    given = parser.parse_args()
    keras = import_keras()
    config = make_config(
        TrainingOptions(
            network=given.network,
            weights=given.weights,
            size=given.size,
            regime="head",
            head=given.head,
            epochs=given.epochs,
            learning_rate=given.learning_rate,
            dropout=0.0,  # its random numbers would differ between the two
        )
    )
    dataset = open_data(given.data)
    geometry = Preprocess(config.size, config.size)
    data = {split: load_pixels(dataset.split(split), geometry) for split in ("train", "validation", "test")}
    classifier, _ = build_classifier(keras, find_network(config.network), config, len(dataset.labels))
    freeze_backbone(classifier.backbone)
    start = classifier.head.get_weights()
    inside = fit_inside(keras, classifier, config, data)
    classifier.head.set_weights(start)
    stored = fit_on_features(keras, classifier, config, data)
    print(f"{detect_machine()}")
    print(
        f"{config.network}, {config.size}x{config.size}, head {config.head}, {config.epochs} epochs, "
        f"{len(data['train'])} training and {len(data['validation'])} validation photos"
    )
    for name, found in (("network inside the fit", inside), ("stored features", stored)):
        t = found.test
        print(
            f"{name:<24} {found.seconds:7.1f} s   test top-1 {100 * t.value:.2f} % "
            f"({100 * t.low:.1f} to {100 * t.high:.1f}), n = {t.n}"
        )
    print(f"ratio {inside.seconds / stored.seconds:.1f}")


if __name__ == "__main__":
    main()
