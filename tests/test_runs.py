"""Run records: strict reading, the model's digest, and the data set of a run called back."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecls.data import open_data
from edgecls.errors import DataError, ModelError
from edgecls.files import sha256_bytes
from edgecls.machine import Machine
from edgecls.metrics import wilson
from edgecls.photos import SPLITS, DataSet
from edgecls.preprocess import Preprocess
from edgecls.runs import (
    DOCUMENT,
    MODEL,
    SCHEMA,
    SPLITS_DOCUMENT,
    RunRecord,
    TrainingConfig,
    read_run,
    recall_data,
    run_model,
    write_run,
    write_splits,
)

PlantPhotos = Callable[..., Path]
MakePhoto = Callable[..., bytes]

CONFIG = TrainingConfig(
    network="enet",
    width=1.0,
    weights="none",
    regime="scratch",
    head="pool",
    unfreeze=None,
    norm="kept",
    size=32,
    crop="centre",
    epochs=2,
    fine_tune_epochs=2,
    patience=1,
    keep="best",
    batch_size=8,
    optimizer="adam",
    schedule="cosine",
    learning_rate=1e-3,
    fine_tune_rate=1e-4,
    weight_decay=0.0,
    dropout=0.2,
    augment=0,
    flip=True,
    cutout=0.0,
    balance="none",
    precision="float32",
    seed=4,
)


def record_of(dataset: DataSet) -> RunRecord:
    return RunRecord(
        schema=SCHEMA,
        name="enet-data-001",
        created="2026-11-22T10:00:00.000000+00:00",
        status="complete",
        inputs_digest="0",
        config=CONFIG,
        data_name=dataset.name,
        data_root=str(dataset.root),
        data_digest=dataset.digest,
        labels=dataset.labels.names,
        preprocess=Preprocess(32, 32),
        weights_from="random initialisation",
        parameters=1,
        model_sha256=sha256_bytes(b"a model"),
        best_epoch=1,
        history={"loss": (1.5, 0.5)},
        validation=wilson(1, 2),
        test=wilson(2, 3),
        matrix=((1, 0), (1, 1)),
        photos={split: len(dataset.split(split)) for split in SPLITS},
        problems=("a/bad.jpg: truncated",),
        seconds={"train": 1.0, "total": 2.0},
        machine=Machine("a test", "none", "x86_64", 1, 1024, "none", "3.11", "vnni"),
        versions={"keras": "3"},
    )


@pytest.fixture
def dataset(tmp_path: Path, plant: PlantPhotos) -> DataSet:
    return open_data(plant(tmp_path / "data", {"a": 10, "b ä": 10}), seed=CONFIG.seed)


@pytest.fixture
def run(tmp_path: Path, dataset: DataSet) -> Path:
    folder = tmp_path / "runs" / "enet-data-001"
    folder.mkdir(parents=True)
    write_run(folder, record_of(dataset))
    write_splits(folder, dataset)
    (folder / MODEL).write_bytes(b"a model")
    return folder


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_run_is_read_as_it_was_written(run: Path, dataset: DataSet) -> None:
    assert read_run(run) == record_of(dataset)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"schema": 1}, "expected a run of schema 4, found 1; train again"),
        ({"schema": None}, "expected a run of schema 4, found None"),
        ({"mood": "good"}, "unknown key mood"),
        ({"best_epoch": "two"}, "expected int, found 'two'"),
        ({"matrix": 5}, "matrix"),
    ],
)
def test_a_run_that_is_not_as_expected_is_refused(run: Path, values: dict[str, object], words: str) -> None:
    change(run / DOCUMENT, **values)
    with pytest.raises(ModelError, match=words):
        read_run(run)


def test_a_folder_without_a_record_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"run.json: cannot be read"):
        read_run(tmp_path)


def test_the_model_is_given_when_its_digest_is_right(run: Path, dataset: DataSet) -> None:
    assert run_model(run, record_of(dataset)) == run / MODEL


def test_a_changed_model_is_refused(run: Path, dataset: DataSet) -> None:
    (run / MODEL).write_bytes(b"A model")
    with pytest.raises(ModelError, match=r"model.keras: expected sha256 .* the file was changed"):
        run_model(run, record_of(dataset))


def test_a_missing_model_is_named(run: Path, dataset: DataSet) -> None:
    (run / MODEL).unlink()
    with pytest.raises(ModelError, match="model is missing; train again"):
        run_model(run, record_of(dataset))


def test_every_photo_comes_back_in_the_split_it_had(run: Path, dataset: DataSet) -> None:
    recalled = recall_data(run, read_run(run))
    assert recalled == dataset
    assert recalled.digest == dataset.digest


def test_photos_added_since_are_not_in_it(run: Path, dataset: DataSet, photo: MakePhoto) -> None:
    (dataset.root / "a" / "new.jpg").write_bytes(photo(0, 500))
    assert recall_data(run, read_run(run)) == dataset


def test_moved_photos_are_found_under_the_root_that_is_given(
    run: Path, dataset: DataSet, tmp_path: Path
) -> None:
    moved = tmp_path / "other place"
    dataset.root.rename(moved)
    with pytest.raises(DataError, match="not there any more; say where they are with --data"):
        recall_data(run, read_run(run))
    recalled = recall_data(run, read_run(run), root=moved)
    assert recalled.digest == dataset.digest
    assert all(p.path is not None and p.path.is_relative_to(moved) for p in recalled.test)


@pytest.mark.parametrize("split", SPLITS)
def test_a_photo_that_changed_since_the_run_is_named(
    run: Path, dataset: DataSet, photo: MakePhoto, split: str
) -> None:
    path = dataset.split(split)[0].path
    assert path is not None
    path.write_bytes(photo(0, 501))
    with pytest.raises(DataError, match=f"{path.name}: the photo has changed since the run saw it"):
        recall_data(run, read_run(run))


def test_a_photo_that_is_gone_is_named(run: Path, dataset: DataSet) -> None:
    path = dataset.test[0].path
    assert path is not None
    path.unlink()
    with pytest.raises(DataError, match=f"{path.name}: the run saw this photo but it is gone"):
        recall_data(run, read_run(run))


@pytest.mark.parametrize("text", ["{}", "[]", '{"train": [["a", 0]]}', "no json"])
def test_a_damaged_list_of_the_photos_is_one_sentence(run: Path, text: str) -> None:
    (run / SPLITS_DOCUMENT).write_text(text)
    with pytest.raises(ModelError, match=SPLITS_DOCUMENT):
        recall_data(run, read_run(run))


def test_pictures_of_idx_files_come_back_too(tmp_path: Path) -> None:
    root = tmp_path / "mnist"
    root.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (40, 4, 4), np.uint8)
    (root / "train-images-idx3-ubyte").write_bytes(struct.pack(">4I", 0x803, 40, 4, 4) + pixels.tobytes())
    (root / "train-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, 40) + bytes(range(2)) * 20)
    dataset = open_data(root, seed=CONFIG.seed)
    folder = tmp_path / "run"
    folder.mkdir()
    write_splits(folder, dataset)
    recalled = recall_data(folder, record_of(dataset))
    assert recalled.digest == dataset.digest
    assert np.array_equal(recalled.test[0].read(), dataset.test[0].read())
    shutil.copytree(root, tmp_path / "moved")
    (tmp_path / "moved" / "train-images-idx3-ubyte").write_bytes(
        struct.pack(">4I", 0x803, 40, 4, 4) + (255 - pixels).tobytes()
    )
    with pytest.raises(DataError, match="the photo has changed"):
        recall_data(folder, replace(record_of(dataset), data_root=str(tmp_path / "moved")))


def test_renamed_photos_are_found_by_their_bytes(run: Path, dataset: DataSet) -> None:
    paths = [dataset.train[0].path, dataset.test[0].path]
    for number, path in enumerate(paths):
        assert path is not None
        target = dataset.root / "sorted ä" / f"{number}.jpg"
        target.parent.mkdir(exist_ok=True)
        path.rename(target)
    recalled = recall_data(run, read_run(run))
    assert recalled.digest == dataset.digest
    assert recalled.train[0].path == dataset.root / "sorted ä" / "0.jpg"
    assert recalled.test[0].path == dataset.root / "sorted ä" / "1.jpg"
    assert np.array_equal(recalled.test[1].read(), dataset.test[1].read())


def test_a_renamed_photo_that_changed_too_is_gone(run: Path, dataset: DataSet, photo: MakePhoto) -> None:
    path = dataset.test[0].path
    assert path is not None
    path.rename(path.with_name("renamed.jpg"))
    path.with_name("renamed.jpg").write_bytes(photo(0, 502))
    with pytest.raises(DataError, match=f"{path.name}: the run saw this photo but it is gone"):
        recall_data(run, read_run(run))
