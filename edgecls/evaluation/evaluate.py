"""Evaluating a run's Keras model or a bundle's variants on labelled photos."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgecls.bundle import Bundle
from edgecls.data import Loaded, load_pixels
from edgecls.devices.detect import detect_machine
from edgecls.errors import DataError
from edgecls.export.measure import score_file
from edgecls.folder_tree import read_labelled
from edgecls.labels import Labels
from edgecls.manifest import Variant
from edgecls.metrics import (
    ClassReport,
    Indices,
    Probabilities,
    Proportion,
    balanced_accuracy,
    class_reports,
    confusion,
    top1,
)
from edgecls.photos import Photo, Problem, photo_digest
from edgecls.progress import Tick
from edgecls.runs import RunRecord, recall_data, run_model
from edgecls.training.backend import import_keras, training_versions
from edgecls.training.features import predict_all


@dataclass(frozen=True)
class Evaluation:
    """Accuracy of one model on labelled photos, and what computed it.

    `balanced` is the mean recall of the classes that have photos. `matrix` counts: row = true class.
    """

    model: str
    computed_by: str
    photos: str
    top1: Proportion
    balanced: float
    classes: tuple[ClassReport, ...]
    matrix: tuple[tuple[int, ...], ...]
    problems: tuple[Problem, ...]


def evaluate_run(
    folder: Path, record: RunRecord, *, data: Path | None, split: str, tick: Tick | None = None
) -> Evaluation:
    """Score a run's Keras model on a split of its own photos, or on the class folders under `data`."""
    labels = Labels(record.labels)
    if data is None:
        photos, words = recall_data(folder, record).split(split), f"{split} photos of {record.data_name}"
        problems: tuple[Problem, ...] = ()
    else:
        photos, problems = read_labelled(data, labels, split)
        words = str(data)
    keras = import_keras()
    model = keras.models.load_model(run_model(folder, record), compile=False)
    loaded = load_pixels(photos, record.preprocess)
    versions = ", ".join(
        f"{name} {found}"
        for name, found in training_versions(keras).items()
        if name not in ("edgecls", "recipe")
    )
    return _evaluation(
        record.name, versions, words, predict_all(model, loaded.pixels, tick), loaded, labels, problems
    )


def evaluate_variant(
    bundle: Bundle, variant: Variant, *, data: Path | None, split: str, threads: int, tick: Tick | None = None
) -> Evaluation:
    """Score one variant on the photos the bundle carries, or on the class folders under `data`."""
    if data is None:
        photos, words = _carried(bundle), f"{bundle.name}/evaluation"
        problems: tuple[Problem, ...] = ()
    else:
        photos, problems = read_labelled(data, bundle.labels, split)
        words = str(data)
    loaded = load_pixels(photos, bundle.manifest.preprocess)
    scored = score_file(
        bundle.variant_path(variant),
        variant.precision,
        loaded,
        machine=detect_machine(),
        threads=threads,
        tick=tick,
    )
    words_of_engine = f"{scored.engine}, {scored.arithmetic}"
    name = f"{bundle.name} {variant.key}"
    return _evaluation(name, words_of_engine, words, scored.probabilities, loaded, bundle.labels, problems)


def _carried(bundle: Bundle) -> tuple[Photo, ...]:
    photos = []
    for entry in bundle.manifest.evaluation:
        path = bundle.file(entry.file, entry.sha256)
        photos.append(Photo(entry.file, entry.label, photo_digest(path.read_bytes()), path))
    if not photos:
        raise DataError(f"{bundle.folder}: the bundle carries no photos; say which to use with --data DIR")
    return tuple(photos)


def _evaluation(
    model: str,
    computed_by: str,
    photos: str,
    probabilities: Probabilities,
    loaded: Loaded,
    labels: Labels,
    problems: tuple[Problem, ...],
) -> Evaluation:
    matrix: Indices = confusion(probabilities, loaded.truth)
    return Evaluation(
        model=model,
        computed_by=computed_by,
        photos=f"{len(loaded)} of {photos}",
        top1=top1(probabilities, loaded.truth),
        balanced=balanced_accuracy(matrix),
        classes=class_reports(matrix, labels.names),
        matrix=tuple(tuple(int(n) for n in row) for row in matrix),
        problems=problems + loaded.problems,
    )
