"""Training, the whole way in every regime: what it trains, what it writes, and that the seed decides."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.data import open_data
from edgecls.errors import DataError, EdgeclsError, ModelError, UsageError
from edgecls.files import sha256_file
from edgecls.photos import DataSet
from edgecls.runs import MODEL, TrainingConfig, read_run, recall_data
from edgecls.training.fit import FitResult
from edgecls.training.outcome import _best_epoch
from edgecls.training.train import TrainingResult, train

pytest.importorskip("keras", reason="needs Keras, of the train extra")
pytestmark = pytest.mark.xdist_group("training")

Config = Callable[..., TrainingConfig]
Train = Callable[..., TrainingResult]
REGIMES = ("head", "finetune", "two-stage", "scratch")


@pytest.fixture(scope="module", params=REGIMES)
def trained(request: pytest.FixtureRequest, run_training: Train) -> TrainingResult:
    """One epoch of each regime."""
    return run_training(regime=request.param, epochs=1)


def weights(result: TrainingResult) -> dict[str, list[np.ndarray]]:
    import keras

    model = keras.models.load_model(result.folder / MODEL, compile=False)
    return {layer.name: layer.get_weights() for layer in model.layers}


def test_every_regime_writes_a_complete_run(trained: TrainingResult, dataset: DataSet) -> None:
    record = read_run(trained.folder)
    assert record == trained.record
    assert (record.status, trained.unchanged) == ("complete", False)
    assert trained.folder.name == record.name == "small-tints-001"
    assert record.photos == {"train": 42, "validation": 9, "test": 9}
    assert record.model_sha256 == sha256_file(trained.folder / MODEL)
    stages = 2 if record.config.regime == "two-stage" else 1
    assert {len(values) for values in record.history.values()} == {stages}
    assert np.sum(record.matrix) == record.test.n == 9
    assert (record.machine.cores > 0, "keras" in record.versions) == (True, True)
    assert recall_data(trained.folder, record).digest == dataset.digest


def test_nothing_but_the_run_stays_in_its_folder(trained: TrainingResult) -> None:
    assert sorted(path.name for path in trained.folder.iterdir()) == [
        "model.keras",
        "run.json",
        "scores.npz",
        "splits.json",
    ]


def test_each_regime_trains_the_layers_it_says(trained: TrainingResult, run_training: Train) -> None:
    regime = trained.record.config.regime
    found, untrained = weights(trained), weights(run_training(regime="head", epochs=1, learning_rate=0.0))
    changed = {
        name
        for name, values in found.items()
        if any(not np.array_equal(a, b) for a, b in zip(values, untrained[name], strict=True))
    }
    expected = {
        "head": {"probabilities"},
        "finetune": {"first_conv", "second_conv", "probabilities"},
        "two-stage": {"first_conv", "second_conv", "probabilities"},
        "scratch": {"first_conv", "first_bn", "second_conv", "second_bn", "probabilities"},
    }
    assert changed == expected[regime]


def test_training_learns_what_can_be_learnt(run_training: Train) -> None:
    record = run_training(regime="scratch", epochs=8, learning_rate=0.03).record
    assert record.test.value >= 0.85  # chance is a third
    losses = np.array(record.history["loss"], float)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("changes", [{"regime": "head", "dropout": 0.3}, {"regime": "scratch", "augment": 1}])
def test_the_same_seed_gives_the_same_figures_and_another_seed_others(
    run_training: Train, changes: dict[str, object]
) -> None:
    first, again, other = (run_training(**changes, seed=seed).record for seed in (1, 1, 2))
    assert first.history["val_loss"] == pytest.approx(again.history["val_loss"], rel=1e-5)
    assert (first.validation, first.test, first.matrix) == (again.validation, again.test, again.matrix)
    assert first.history["val_loss"] != pytest.approx(other.history["val_loss"], rel=1e-5)


@pytest.mark.parametrize("regime", ["head", "scratch"])
def test_covered_views_are_what_is_trained_on(run_training: Train, regime: str) -> None:
    plain, covered = (
        run_training(regime=regime, epochs=1, augment=1, cutout=share).record for share in (0.0, 0.5)
    )
    assert plain.history["val_loss"] != pytest.approx(covered.history["val_loss"], rel=1e-5)


@pytest.mark.parametrize("balance", ["weights", "sampling"])
def test_balancing_changes_what_is_learnt_from_an_uneven_data_set(
    tmp_path: Path, plant: Callable[..., Path], config: Config, progress: Callable[..., Any], balance: str
) -> None:
    uneven = open_data(plant(tmp_path / "uneven", {"a": 40, "b": 5}))

    def loss(how: str) -> tuple[float | None, ...]:
        runs = tmp_path / how
        return train(uneven, config(balance=how), runs=runs, progress=progress()).record.history["loss"]

    assert loss(balance) != pytest.approx(loss("none"), rel=1e-4)


def test_a_truncated_photo_is_listed_in_the_run_and_the_others_are_used(
    tmp_path: Path, plant: Callable[..., Path], config: Config, progress: Callable[..., Any]
) -> None:
    root = plant(tmp_path / "data", {"a": 9, "b": 9})
    bad = root / "b" / "004.jpg"
    bad.write_bytes(bad.read_bytes()[:300])
    (root / "a" / "notes.txt").touch()
    result = train(open_data(root), config(epochs=1), runs=tmp_path / "runs", progress=progress())
    assert sum(result.record.photos.values()) == 17
    assert [problem.split(":")[0] for problem in result.record.problems] == ["a/notes.txt", "b/004.jpg"]
    assert "truncated" in result.record.problems[1]
    names = {p.name for split in ("train", "validation", "test") for p in recalled(result).split(split)}
    assert "b/004.jpg" not in names


def recalled(result: TrainingResult) -> DataSet:
    return recall_data(result.folder, result.record)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"network": "unknown"}, "expected a network of"),
        ({"size": 8}, "small needs pictures of at least 16x16"),
        ({"weights": "coco"}, "has no weights 'coco'"),
        (
            {"regime": "two-stage", "unfreeze": "nowhere"},
            "--unfreeze: expected all, late, or a layer's name or number",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    tmp_path: Path,
    dataset: DataSet,
    config: Config,
    progress: Callable[..., Any],
    changes: dict[str, object],
    words: str,
) -> None:
    with pytest.raises(UsageError, match=words):
        train(dataset, config(**changes), runs=tmp_path / "runs", progress=progress())
    assert not list(tmp_path.rglob("*"))


def test_photos_that_all_went_bad_leave_no_run_behind(
    tmp_path: Path, plant: Callable[..., Path], config: Config, progress: Callable[..., Any]
) -> None:
    root = plant(tmp_path / "data", {"a": 5, "b": 5})
    listed = open_data(root)
    shutil.rmtree(root)
    with pytest.raises(EdgeclsError, match=r"none of \d+ photos could be read"):
        train(listed, config(), runs=tmp_path / "runs", progress=progress())
    assert not (tmp_path / "runs").exists()


def test_a_training_that_diverges_is_one_sentence_and_leaves_no_run(
    tmp_path: Path, dataset: DataSet, config: Config, progress: Callable[..., Any]
) -> None:
    with pytest.raises(EdgeclsError, match=r"diverged and no run was written; lower --learning-rate"):
        train(dataset, config(learning_rate=float("inf")), runs=tmp_path, progress=progress())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("error:Skipping variable loading")
def test_two_stages_that_learn_nothing_more_keep_the_weights_of_the_head(run_training: Train) -> None:
    head = run_training(regime="head", epochs=8)
    for rate in (100.0, float("inf")):  # the one makes it worse, the other diverges
        both = run_training(regime="two-stage", epochs=8, fine_tune_rate=rate)
        assert both.record.status == "complete"
        assert both.record.validation == head.record.validation
        assert both.record.best_epoch == head.record.best_epoch
        for name, kept in weights(head).items():
            for ours, theirs in zip(weights(both)[name], kept, strict=True):
                assert np.allclose(ours, theirs, atol=1e-5), (rate, name)


@pytest.mark.parametrize(("second", "kept"), [(0, 2), (1, 4), (3, 6)])
def test_the_best_epoch_is_the_heads_when_the_second_stage_brought_nothing(second: int, kept: int) -> None:
    head = FitResult({"loss": (1.0, 0.5, 0.7)}, 2, 0.9, False, 1.0, 0.0)
    network = FitResult({"loss": (1.0, 0.5, 0.4)}, second, 0.9, False, 1.0, 0.0)
    assert _best_epoch([head, network]) == kept
    assert _best_epoch([head]) == 2


def test_a_head_that_diverges_is_not_saved_by_the_second_stage(
    tmp_path: Path, dataset: DataSet, config: Config, progress: Callable[..., Any]
) -> None:
    asked = config(regime="two-stage", learning_rate=float("inf"))
    with pytest.raises(ModelError, match="diverged and no run was written"):
        train(dataset, asked, runs=tmp_path, progress=progress())
    assert list(tmp_path.iterdir()) == []


def test_a_class_whose_photos_are_all_unreadable_names_the_first_reason(
    tmp_path: Path, plant: Callable[..., Path], config: Config, progress: Callable[..., Any]
) -> None:
    root = plant(tmp_path / "data", {"a": 6, "b": 6})
    for path in (root / "b").iterdir():
        path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(
        DataError, match=r"class 'b' has no photo to train on .* 6 photos could not be read, .* truncated"
    ):
        train(open_data(root), config(), runs=tmp_path / "runs", progress=progress())
    assert not (tmp_path / "runs").exists()


def test_a_single_step_is_enough_to_train(run_training: Train) -> None:
    def weights(rate: float) -> list[np.ndarray[Any, Any]]:
        done = run_training(regime="scratch", epochs=1, batch_size=64, learning_rate=rate)
        return list(keras.models.load_model(done.folder / MODEL).get_weights())

    import keras

    small, large = weights(1e-6), weights(1e-2)
    assert max(float(abs(a - b).max()) for a, b in zip(small, large, strict=True)) > 1e-3


def test_mixed_precision_is_scored_as_the_float32_model_that_is_saved(
    run_training: Train, dataset: DataSet
) -> None:
    import keras

    from edgecls.data import load_pixels
    from edgecls.training.features import predict_all

    result = run_training(regime="head", precision="mixed")
    model = keras.models.load_model(result.folder / MODEL)
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    test = load_pixels(dataset.test, result.record.preprocess)
    with np.load(result.folder / "scores.npz", allow_pickle=False) as scores:
        assert np.allclose(scores["probabilities"], predict_all(model, test.pixels), atol=1e-6)
        assert scores["digests"].tolist() == [photo.digest for photo in test.photos]


@pytest.mark.parametrize("keep", ["best", "last"])
def test_the_last_epoch_is_kept_when_asked_whatever_its_figures(run_training: Train, keep: str) -> None:
    done = run_training(
        regime="two-stage", epochs=8, fine_tune_epochs=3, fine_tune_rate=100.0, schedule="constant", keep=keep
    )
    assert (done.record.best_epoch == 8 + 3) == (keep == "last")
    worse = done.record.validation.value < run_training(regime="head", epochs=8).record.validation.value
    assert worse == (keep == "last")
