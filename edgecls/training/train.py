"""Training, the whole way: photos in, a run folder out."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgecls.data import Loaded, Tick, load_pixels
from edgecls.devices.detect import detect_machine
from edgecls.errors import ModelError, UsageError
from edgecls.files import digest_json, read_json, sha256_file, utc_now, write_json
from edgecls.metrics import confusion, top1
from edgecls.names import check_name, next_name
from edgecls.networks.table import find_network
from edgecls.photos import SPLITS, DataSet, check_classes
from edgecls.preprocess import Crop, Preprocess
from edgecls.records import to_record
from edgecls.runs import (
    DOCUMENT,
    MODEL,
    SCHEMA,
    RunRecord,
    TrainingConfig,
    read_run,
    run_model,
    write_run,
    write_splits,
)
from edgecls.training.backend import import_keras, training_versions
from edgecls.training.checkpoint import History
from edgecls.training.classifier import layer_index
from edgecls.training.fit import FitResult
from edgecls.training.outcome import score
from edgecls.training.stages import build_classifier, train_stages

REQUEST = "request.json"
CHECKPOINT = "checkpoint"

# Gives a progress bar's tick for a named step; the bar ends when the next step begins.
Announce = Callable[[str], Tick]
Progress = Callable[[], AbstractContextManager[Announce]]


@dataclass(frozen=True)
class TrainingResult:
    """A run folder and its record; `unchanged` says that an earlier run of the same inputs was found."""

    folder: Path
    record: RunRecord
    unchanged: bool


def inputs_digest(config: TrainingConfig, dataset: DataSet, versions: dict[str, str]) -> str:
    """Digest of everything that determines a run: configuration, photos and split, versions."""
    return digest_json({"config": to_record(config), "data": dataset.digest, "versions": versions})


def train(
    dataset: DataSet,
    config: TrainingConfig,
    *,
    runs: Path,
    name: str | None = None,
    resume: bool = False,
    force: bool = False,
    progress: Progress,
) -> TrainingResult:
    """Train one classifier and write its run folder, or find the complete run of the same inputs.

    Ctrl-C while an epoch runs keeps the best weights so far: the run is written with status "interrupted", and
    `resume` goes on from its last epoch. Raises UsageError for a name that is taken, an option that does not
    fit, or nothing to resume; DataError when photos cannot be read; ModelError for weights that do not fit.
    """
    keras = import_keras()
    network = find_network(config.network)
    network.check_size(config.size)
    if name:
        check_name(name)
    versions = training_versions(keras)
    digest = inputs_digest(config, dataset, versions)
    found = None if force else _complete(runs, digest, name)
    if found is not None:
        return TrainingResult(found, read_run(found), unchanged=True)
    folder = _choose_folder(
        runs, digest, f"{config.network}-{dataset.name}", name=name, resume=resume, force=force
    )
    preprocess = Preprocess(config.size, config.size, Crop(config.crop))
    started = time.monotonic()
    with progress() as announce:
        loaded = {
            split: load_pixels(dataset.split(split), preprocess, announce(f"{split} photos"))
            for split in SPLITS
        }
        readable = check_classes(_readable(dataset, loaded))
        classifier, source = build_classifier(keras, network, config, len(dataset.labels))
        if config.unfreeze is not None:
            layer_index(classifier.backbone, config.unfreeze)
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / REQUEST, {"inputs_digest": digest, "created": utc_now(), "status": "started"})
        write_splits(folder, readable)
        results = train_stages(
            keras,
            classifier,
            network,
            config=config,
            train=loaded["train"],
            validation=loaded["validation"],
            folder=folder / CHECKPOINT,
            announce=announce,
        )
        _refuse_divergence(results, folder)
        fitted = time.monotonic()
        scores = {
            split: score(classifier.model, loaded[split], announce(f"scoring, {split} photos"))
            for split in ("validation", "test")
        }
    _save_model(classifier.model, folder / MODEL)
    record = RunRecord(
        schema=SCHEMA,
        name=folder.name,
        created=utc_now(),
        status="interrupted" if results[-1].interrupted else "complete",
        inputs_digest=digest,
        config=config,
        data_name=dataset.name,
        data_root=str(dataset.root),
        data_digest=dataset.digest,
        labels=dataset.labels.names,
        preprocess=preprocess,
        weights_from=source,
        parameters=int(classifier.model.count_params()),
        model_sha256=sha256_file(folder / MODEL),
        best_epoch=_best_epoch(results),
        history=_histories(results),
        validation=top1(scores["validation"], loaded["validation"].truth),
        test=top1(scores["test"], loaded["test"].truth),
        matrix=tuple(tuple(int(n) for n in row) for row in confusion(scores["test"], loaded["test"].truth)),
        photos={split: len(loaded[split]) for split in SPLITS},
        problems=_problems(dataset, loaded),
        seconds=_seconds(started, fitted, results),
        machine=detect_machine(),
        versions=versions,
    )
    write_run(folder, record)
    if record.status == "complete":
        shutil.rmtree(folder / CHECKPOINT, ignore_errors=True)
        (folder / REQUEST).unlink(missing_ok=True)
    return TrainingResult(folder, record, unchanged=False)


def _refuse_divergence(results: list[FitResult], folder: Path) -> None:
    """Raise ModelError, and leave no run, when a stage ended without one epoch of a finite loss."""
    if any(result.best_epoch == 0 and not result.interrupted for result in results):
        shutil.rmtree(folder)
        raise ModelError(
            "the validation loss was not a number in any epoch, the training diverged and no run was written; "
            "lower --learning-rate or --fine-tune-rate"
        )


def _seconds(started: float, fitted: float, results: list[FitResult]) -> dict[str, float]:
    """Seconds of the epochs alone; of them with loading and the frozen network's pass; with scoring too."""
    epochs = sum(result.seconds for result in results)
    taken = {"epochs": epochs, "training": fitted - started, "total": time.monotonic() - started}
    return {name: round(seconds, 2) for name, seconds in taken.items()}


def _complete(runs: Path, digest: str, name: str | None) -> Path | None:
    """The newest complete run of these inputs, its model's digest checked; only `name` when that is given."""
    for document in sorted(runs.glob(f"{name or '*'}/{DOCUMENT}"), reverse=True):
        try:
            record = read_run(document.parent)
        except ModelError:
            continue  # a run of another version is no reason to fail; it is not this one
        if record.inputs_digest == digest and record.status == "complete":
            run_model(document.parent, record)
            return document.parent
    return None


def _choose_folder(
    runs: Path, digest: str, stem: str, *, name: str | None, resume: bool, force: bool
) -> Path:
    unfinished = [
        request.parent
        for request in sorted(runs.glob(f"{name or '*'}/{REQUEST}"))
        if read_json(request).get("inputs_digest") == digest
    ]
    if resume:
        if not unfinished:
            raise UsageError(
                f"--resume: found no interrupted run of the same data and options under {runs}/; "
                "repeat the options of the run that was interrupted, or leave --resume out"
            )
        return unfinished[-1]
    folder = runs / (name or next_name(runs, stem))
    if folder.exists():
        if not force:
            raise UsageError(f"{folder} exists already; choose another --name or add --force")
        shutil.rmtree(folder)
    return folder


def _readable(dataset: DataSet, loaded: dict[str, Loaded]) -> DataSet:
    return replace(
        dataset,
        train=loaded["train"].photos,
        validation=loaded["validation"].photos,
        test=loaded["test"].photos,
    )


def _save_model(model: Any, path: Path) -> None:
    partial = path.with_name("partial.keras")
    model.save(partial)
    partial.replace(path)


def _best_epoch(results: list[FitResult]) -> int:
    """The epoch whose weights were kept, counted over all stages."""
    earlier = sum(len(next(iter(r.history.values()), ())) for r in results[:-1])
    return earlier + results[-1].best_epoch


def _histories(results: list[FitResult]) -> History:
    joined: History = {}
    for result in results:
        for key, values in result.history.items():
            joined[key] = (*joined.get(key, ()), *values)
    return joined


def _problems(dataset: DataSet, loaded: dict[str, Loaded]) -> tuple[str, ...]:
    unread = [problem for split in SPLITS for problem in loaded[split].problems]
    return tuple(f"{problem.name}: {problem.reason}" for problem in (*dataset.problems, *unread))
