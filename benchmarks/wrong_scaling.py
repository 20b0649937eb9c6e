"""What feeding a frozen network another network's input scaling costs: the head's accuracy under each scaling.

    python benchmarks/wrong_scaling.py data/groceries --network resnet50 --weights weights/resnet50.weights.h5

A document that edgecls is built from reports 30 % for ResNet50 where VGG16 and InceptionV3 reach 67 and 87 %, not
helped by more epochs or by fine-tuning. edgecls keeps a network's own scaling inside the network; here it is taken
out and others are put in, all else equal: weights, photos, head, seed.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgecls.data import Loaded, load_pixels, open_data
from edgecls.devices.detect import detect_machine
from edgecls.metrics import Proportion, top1
from edgecls.networks.network import Network
from edgecls.networks.scaling import CAFFE, RAW, SIGNED, TORCH, UNIT, Scaling
from edgecls.networks.table import find_network
from edgecls.preprocess import Preprocess
from edgecls.runs import TrainingConfig
from edgecls.training.backend import import_keras
from edgecls.training.batches import make_batches
from edgecls.training.classifier import freeze_backbone
from edgecls.training.features import FeatureStore, predict_all
from edgecls.training.options import TrainingOptions, make_config
from edgecls.training.stages import build_classifier, frozen_backbone

OTHERS = {
    "x / 255 (a tutorial's rescale)": UNIT,
    "x / 127.5 - 1 (InceptionV3)": SIGNED,
    "mean and deviation (torchvision)": TORCH,
    "mean, Caffe (VGG, ResNet50)": CAFFE,
    "raw 0..255": RAW,
}


def score(
    keras: Any,
    network: Network,
    scaling: Scaling,
    config: TrainingConfig,
    data: dict[str, Loaded],
    classes: int,
) -> Proportion:
    """Test accuracy of a head trained on the network with that scaling in place of its own.

    The weights are loaded under the network's own scaling, so that nothing is folded into them.
    """
    classifier, _ = build_classifier(keras, network, config, classes)
    other, _ = build_classifier(
        keras, replace(network, scaling=scaling), replace(config, weights="none"), classes
    )
    other.model.set_weights(classifier.model.get_weights())
    freeze_backbone(other.backbone)
    store, frozen = FeatureStore(), frozen_backbone(keras, other, config)
    features = {split: store.vectors(frozen, loaded) for split, loaded in data.items()}
    other.head.compile(
        optimizer=keras.optimizers.Adam(config.learning_rate), loss="sparse_categorical_crossentropy"
    )
    batches = make_batches(keras, features["train"], data["train"].truth, batch_size=config.batch_size)
    other.head.fit(batches, epochs=config.epochs, shuffle=False, verbose=0)
    return top1(predict_all(other.head, features["test"]), data["test"].truth)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--network", default="resnet50")
    parser.add_argument("--weights")
    parser.add_argument("--size", type=int)
    parser.add_argument("--head", default="flatten-256")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--learning-rate", type=float, default=1e-5)
    given = parser.parse_args()
    keras = import_keras()
    options = TrainingOptions(
        network=given.network,
        weights=given.weights,
        size=given.size,
        regime="head",
        head=given.head,
        epochs=given.epochs,
        learning_rate=given.learning_rate,
    )
    config, network = make_config(options), find_network(given.network)
    dataset = open_data(given.data)
    geometry = Preprocess(config.size, config.size)
    data = {split: load_pixels(dataset.split(split), geometry) for split in ("train", "test")}
    print(f"{detect_machine()}")
    print(
        f"{network.name}, {config.size}x{config.size}, head {config.head}, {config.epochs} epochs at "
        f"{config.learning_rate:g}, {len(data['train'])} training photos"
    )
    for name, scaling in OTHERS.items():
        found = score(keras, network, scaling, config, data, len(dataset.labels))
        own = "  <- its own" if scaling == network.scaling else ""
        print(
            f"{name:<34} {100 * found.value:5.1f} % ({100 * found.low:.1f} to {100 * found.high:.1f}), "
            f"n = {found.n}{own}",
            flush=True,
        )


if __name__ == "__main__":
    main()
