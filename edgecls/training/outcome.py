"""What a trained classifier is worth, and the record that says so."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgecls.data import Loaded
from edgecls.devices.detect import detect_machine
from edgecls.errors import ModelError
from edgecls.files import sha256_file, utc_now, write_bytes
from edgecls.metrics import Probabilities, confusion, top1
from edgecls.photos import SPLITS, DataSet
from edgecls.preprocess import Preprocess
from edgecls.runs import MODEL, SCHEMA, SCORES, History, RunRecord, TrainingConfig
from edgecls.training.fit import FitResult


@dataclass(frozen=True)
class Trained:
    """A fitted model, what came of its stages, and its probabilities on the validation and test photos.

    `started` and `fitted` are readings of time.monotonic.
    """

    model: Any
    weights_from: str
    loaded: dict[str, Loaded]
    results: list[FitResult]
    scores: dict[str, Probabilities]
    started: float
    fitted: float


def write_scores(folder: Path, trained: Trained) -> None:
    """Write the test photos' probabilities beside the run, so that two runs can be compared photo by photo.

    SCORES holds digests (n,) as text, truth int64 (n,), probabilities float32 (n, classes).
    """
    test = trained.loaded["test"]
    buffer = io.BytesIO()
    digests = np.array([photo.digest for photo in test.photos])
    np.savez_compressed(buffer, digests=digests, truth=test.truth, probabilities=trained.scores["test"])
    write_bytes(folder / SCORES, buffer.getvalue())


def require_convergence(results: list[FitResult]) -> None:
    """Raise ModelError when a stage ended without one epoch of a finite loss."""
    if any(result.best_accuracy < 0 and not result.interrupted for result in results):
        raise ModelError(
            "the validation loss was not a number in any epoch, the training diverged and no run was written; "
            "lower --learning-rate or --fine-tune-rate"
        )


def make_record(
    trained: Trained,
    folder: Path,
    *,
    dataset: DataSet,
    config: TrainingConfig,
    preprocess: Preprocess,
    digest: str,
    versions: dict[str, str],
) -> RunRecord:
    """The record of a run whose model is saved in `folder`."""
    loaded, scores, results = trained.loaded, trained.scores, trained.results
    matrix = confusion(scores["test"], loaded["test"].truth)
    return RunRecord(
        schema=SCHEMA,
        name=folder.name,
        created=utc_now(),
        status="interrupted" if results[-1].interrupted else "complete",
        inputs_digest=digest,
        config=config,
        data_name=dataset.name,
        data_root=str(dataset.root.resolve()),
        data_digest=dataset.digest,
        labels=dataset.labels.names,
        preprocess=preprocess,
        weights_from=trained.weights_from,
        parameters=int(trained.model.count_params()),
        model_sha256=sha256_file(folder / MODEL),
        best_epoch=_best_epoch(results),
        history=_histories(results),
        validation=top1(scores["validation"], loaded["validation"].truth),
        test=top1(scores["test"], loaded["test"].truth),
        matrix=tuple(tuple(int(n) for n in row) for row in matrix),
        photos={split: len(loaded[split]) for split in SPLITS},
        problems=_problems(dataset, loaded),
        seconds=_seconds(trained),
        machine=detect_machine(),
        versions=versions,
    )


def _seconds(trained: Trained) -> dict[str, float]:
    """Seconds of the epochs alone; of them with loading and the frozen network's pass; with scoring too.

    The epochs that an interrupted training had done before count in all three.
    """
    earlier = sum(result.earlier_seconds for result in trained.results)
    taken = {
        "epochs": sum(result.seconds for result in trained.results),
        "training": earlier + trained.fitted - trained.started,
        "total": earlier + time.monotonic() - trained.started,
    }
    return {name: round(seconds, 2) for name, seconds in taken.items()}


def _best_epoch(results: list[FitResult]) -> int:
    """The epoch whose weights were kept, counted over all stages."""
    *earlier, last = results
    if earlier and last.best_epoch == 0:  # the last stage was no better than what it began with
        return _best_epoch(earlier)
    return sum(len(next(iter(r.history.values()), ())) for r in earlier) + last.best_epoch


def _histories(results: list[FitResult]) -> History:
    joined: History = {}
    for result in results:
        for key, values in result.history.items():
            joined[key] = (*joined.get(key, ()), *values)
    return joined


def _problems(dataset: DataSet, loaded: dict[str, Loaded]) -> tuple[str, ...]:
    unread = [problem for split in SPLITS for problem in loaded[split].problems]
    return tuple(f"{problem.name}: {problem.reason}" for problem in (*dataset.problems, *unread))
