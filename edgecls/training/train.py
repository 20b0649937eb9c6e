"""Training, the whole way: photos in, a run folder out."""

from __future__ import annotations

import shutil
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgecls.data import Loaded, load_pixels
from edgecls.errors import DataError
from edgecls.files import made_anew
from edgecls.metrics import Probabilities
from edgecls.names import check_name
from edgecls.networks.network import Network
from edgecls.networks.table import find_network
from edgecls.photos import SPLITS, DataSet, check_classes
from edgecls.preprocess import Crop, Preprocess
from edgecls.progress import Announce, Progress
from edgecls.runs import MODEL, RunRecord, TrainingConfig, read_run, write_run, write_splits
from edgecls.training.backend import import_keras, in_float32, training_versions, write_whole
from edgecls.training.classifier import hidden_units, layer_index
from edgecls.training.features import FeatureStore, predict_all
from edgecls.training.outcome import Trained, make_record, require_convergence, write_scores
from edgecls.training.run_folder import (
    CHECKPOINT,
    REQUEST,
    bring_back,
    choose_folder,
    find_complete,
    inputs_digest,
    own_folder,
    write_request,
)
from edgecls.training.stages import Classifier, build_classifier, frozen_backbone, train_stages


@dataclass(frozen=True)
class TrainingResult:
    """A run folder and its record; `unchanged` says that an earlier run of the same inputs was found."""

    folder: Path
    record: RunRecord
    unchanged: bool


@dataclass(frozen=True)
class _Ready:
    """What a training needs, when everything that can be refused was looked at; `source` is that of the weights."""

    started: float
    loaded: dict[str, Loaded]
    readable: DataSet
    classifier: Classifier
    source: str


def train(
    dataset: DataSet,
    config: TrainingConfig,
    *,
    runs: Path,
    name: str | None = None,
    resume: bool = False,
    force: bool = False,
    progress: Progress,
    features: FeatureStore | None = None,
) -> TrainingResult:
    """Train one classifier and write its run folder, or find the complete run of the same inputs.

    `features` keeps what frozen networks computed, for other trainings that see the same photos.

    Ctrl-C while an epoch runs keeps the best weights so far: the run is written with status "interrupted", and
    `resume` goes on from its last epoch. Raises UsageError for a name that is taken, an option that does not
    fit, or nothing to resume; DataError when photos cannot be read; ModelError for weights that do not fit;
    EdgeclsError when another training is at work in the folder.
    """
    keras = import_keras()
    network = find_network(config.network)
    network.check_size(config.size)
    network.check_width(config.width)
    hidden_units(network, config.head)
    if name:
        check_name(name)
    versions = training_versions(keras)
    digest = inputs_digest(config, dataset, versions)
    bring_back(runs)
    found = None if force else find_complete(runs, digest, name)
    if found is not None:
        return TrainingResult(found, read_run(found), unchanged=True)
    folder = choose_folder(
        runs, digest, f"{config.network}-{dataset.name}", name=name, resume=resume, force=force
    )
    preprocess = Preprocess(config.size, config.size, Crop(config.crop))
    with own_folder(folder, digest, resume=resume, force=force), progress() as announce:
        ready = _prepare(keras, network, dataset, config=config, preprocess=preprocess, announce=announce)
        with nullcontext() if resume else made_anew(folder, force=force):
            write_request(folder, digest)
            write_splits(folder, ready.readable)
            trained = _train(
                keras,
                config,
                ready=ready,
                folder=folder,
                features=features or FeatureStore(),
                announce=announce,
            )
            write_whole(folder / MODEL, trained.model.save)
            write_scores(folder, trained)
            record = make_record(
                trained,
                folder,
                dataset=dataset,
                config=config,
                preprocess=preprocess,
                digest=digest,
                versions=versions,
            )
            write_run(folder, record)
            if record.status == "complete":
                shutil.rmtree(folder / CHECKPOINT, ignore_errors=True)
                (folder / REQUEST).unlink(missing_ok=True)
    return TrainingResult(folder, record, unchanged=False)


def _prepare(
    keras: Any,
    network: Network,
    dataset: DataSet,
    *,
    config: TrainingConfig,
    preprocess: Preprocess,
    announce: Announce,
) -> _Ready:
    """Load the photos and build the network; nothing is written yet."""
    started = time.monotonic()
    loaded = {
        split: load_pixels(dataset.split(split), preprocess, announce(f"{split} photos")) for split in SPLITS
    }
    readable = _readable(dataset, loaded)
    classifier, source = build_classifier(keras, network, config, len(dataset.labels))
    if config.unfreeze is not None:
        layer_index(classifier.backbone, config.unfreeze)
    return _Ready(started, loaded, readable, classifier, source)


def _train(
    keras: Any,
    config: TrainingConfig,
    *,
    ready: _Ready,
    folder: Path,
    features: FeatureStore,
    announce: Announce,
) -> Trained:
    """Fit and score."""
    loaded, classifier = ready.loaded, ready.classifier
    results = train_stages(
        keras,
        classifier,
        config=config,
        train=loaded["train"],
        validation=loaded["validation"],
        features=features,
        folder=folder / CHECKPOINT,
        announce=announce,
    )
    if results[-1].best_accuracy < 0:  # not one epoch ended with a finite loss: there is nothing to keep
        shutil.rmtree(folder)
        require_convergence(results)
        raise KeyboardInterrupt
    fitted = time.monotonic()
    model = classifier.model if config.precision == "float32" else in_float32(keras, classifier.model)
    held_out = {split: loaded[split] for split in ("validation", "test")}
    scores = _score(keras, classifier, model, held_out, config=config, features=features, announce=announce)
    return Trained(model, ready.source, loaded, results, scores, ready.started, fitted)


def _score(
    keras: Any,
    classifier: Classifier,
    model: Any,
    held_out: dict[str, Loaded],
    *,
    config: TrainingConfig,
    features: FeatureStore,
    announce: Announce,
) -> dict[str, Probabilities]:
    """Probabilities of each split's photos, float32 (n, classes); a frozen network is not asked twice about one.

    Features of a network that was frozen in 16 bits would not be those of the model that is saved.
    """
    reused = config.regime == "head" and config.precision == "float32"
    frozen = frozen_backbone(keras, classifier, config) if reused else None
    scores = {}
    for split, part in held_out.items():
        tick = announce(f"scoring, {split} photos")
        if frozen is None:
            scores[split] = predict_all(model, part.pixels, tick)
        else:
            scores[split] = predict_all(classifier.head, features.vectors(frozen, part, tick=tick))
    return scores


def _readable(dataset: DataSet, loaded: dict[str, Loaded]) -> DataSet:
    """The data set without the photos that could not be read. Raises DataError when a class has none left."""
    readable = replace(
        dataset,
        train=loaded["train"].photos,
        validation=loaded["validation"].photos,
        test=loaded["test"].photos,
    )
    try:
        return check_classes(readable)
    except DataError as error:
        problems = [problem for part in loaded.values() for problem in part.problems]
        raise DataError(
            f"{error}; {len(problems)} photos could not be read, the first: {problems[0].reason}"
        ) from error
