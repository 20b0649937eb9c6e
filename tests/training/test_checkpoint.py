"""The state of a fit: which epoch is the best, when it ends, and what lies on disk in between."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.errors import EdgeclsError, ModelError
from edgecls.training import checkpoint as module
from edgecls.training.backend import under_policy
from edgecls.training.checkpoint import Checkpoint, FitState, make_callback
from edgecls.training.fit import FitPlan, FitResult, fit

pytestmark = pytest.mark.xdist_group("training")


def advance(*figures: tuple[float, float]) -> FitState:
    """The state after epochs of these (validation accuracy, validation loss)."""
    state = FitState()
    for accuracy, loss in figures:
        state = state.advance({"loss": 1.0, "accuracy": 0.5, "val_accuracy": accuracy, "val_loss": loss})
    return state


def test_the_first_epoch_is_the_best_so_far_even_with_nothing_right() -> None:
    assert advance((0.0, 9.0)).best_epoch == 1


@pytest.mark.parametrize(
    ("figures", "best"),
    [
        (((0.5, 1.0), (0.6, 2.0), (0.4, 0.1)), 2),  # accuracy before loss
        (((0.5, 1.0), (0.5, 0.8), (0.5, 0.9)), 2),  # of equals, the lowest loss
        (((0.5, 1.0), (0.5, 1.0)), 1),  # no better, no change
        (((0.5, 1.0), (0.9, float("nan")), (0.8, 0.5)), 3),  # a diverged epoch is no best one
    ],
)
def test_the_best_epoch_has_the_highest_accuracy_then_the_lowest_loss(
    figures: tuple[tuple[float, float], ...], best: int
) -> None:
    state = advance(*figures)
    assert state.best_epoch == best
    assert (state.best_accuracy, state.best_loss) == figures[best - 1]


def test_the_history_has_one_value_an_epoch() -> None:
    state = advance((0.1, 3.0), (0.2, 2.0), (0.3, 1.0))
    assert (state.epochs, state.finished) == (3, False)
    assert state.history["val_loss"] == (3.0, 2.0, 1.0)
    assert {len(values) for values in state.history.values()} == {3}


class FakeModel:
    """Writes a word where a model would be."""

    def __init__(self) -> None:
        self.epoch = 0
        self.stop_training = False

    def save(self, path: Path) -> None:
        path.write_text(f"model after {self.epoch}")

    def save_weights(self, path: Path) -> None:
        path.write_text(f"weights after {self.epoch}")


def run(folder: Path, accuracies: list[float], *, patience: int, epochs: int) -> tuple[FakeModel, FitState]:
    keras = pytest.importorskip("keras", reason="needs Keras, of the train extra")
    checkpoint, model = Checkpoint(folder), FakeModel()
    callback: Any = make_callback(
        keras, checkpoint, patience=patience, epochs=epochs, keep="best", seed=0, tick=None
    )
    callback.set_model(model)
    for index, accuracy in enumerate(accuracies):
        model.epoch = index + 1
        callback.on_epoch_end(index, {"val_accuracy": accuracy, "val_loss": 1.0})
        if model.stop_training:
            break
    return model, checkpoint.state()


def test_best_weights_and_last_model_are_both_on_disk_and_nothing_half_written(tmp_path: Path) -> None:
    run(tmp_path, [0.1, 0.9, 0.5], patience=0, epochs=9)
    assert (tmp_path / "best-2.weights.h5").read_text() == "weights after 2"
    assert (tmp_path / "last-3.keras").read_text() == "model after 3"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "best-2.weights.h5",
        "last-3.keras",
        "state.json",
    ]


def test_a_fit_ends_after_patience_epochs_without_a_better_one(tmp_path: Path) -> None:
    model, state = run(tmp_path, [0.1, 0.5, 0.4, 0.4, 0.9], patience=2, epochs=9)
    assert (model.epoch, state.best_epoch, state.finished) == (4, 2, True)


def test_a_better_epoch_renews_the_patience(tmp_path: Path) -> None:
    model, _ = run(tmp_path, [0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.3], patience=2, epochs=9)
    assert model.epoch == 7


def test_patience_zero_never_ends_a_fit_early(tmp_path: Path) -> None:
    model, state = run(tmp_path, [0.9] + [0.1] * 5, patience=0, epochs=6)
    assert (model.epoch, state.finished, state.best_epoch) == (6, True, 1)


def test_a_fresh_folder_has_a_fresh_state(tmp_path: Path) -> None:
    assert Checkpoint(tmp_path / "new").state() == FitState()


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    state = advance((0.1, 3.0), (0.2, 2.0))
    Checkpoint(tmp_path).save(FakeModel(), state)
    assert Checkpoint(tmp_path).state() == state


def test_an_epoch_that_diverged_is_json_too(tmp_path: Path) -> None:
    state = advance((0.5, 1.0), (0.4, float("nan")))
    Checkpoint(tmp_path).save(FakeModel(), state)
    assert state.history["val_loss"] == (1.0, None)
    assert "NaN" not in (tmp_path / "state.json").read_text()
    assert Checkpoint(tmp_path).state() == state


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (OSError(28, "can't write\nbuf = 0x560e, offset = 2"), "No space left on device"),
        (RuntimeError("Can't decrement id ref count\n(a page)"), "Can't decrement id ref count"),
    ],
)
def test_a_full_disk_is_one_sentence_and_what_was_kept_stays(
    tmp_path: Path, fault: Exception, words: str
) -> None:
    class Full(FakeModel):
        def save(self, path: Path) -> None:
            path.write_text("half a model")
            raise fault

    run(tmp_path, [0.1], patience=0, epochs=9)
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    with pytest.raises(EdgeclsError, match=rf"last-2.keras: cannot be written \({words}\); free space"):
        Checkpoint(tmp_path).save(Full(), advance((0.1, 1.0), (0.2, 1.0)))
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before


def test_a_damaged_state_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"epochs": "three"}')
    with pytest.raises(ModelError, match=r"state.json"):
        Checkpoint(tmp_path).state()


def test_weights_and_optimizer_come_back_as_they_were(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras", reason="needs Keras, of the train extra")

    def make() -> Any:
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    values = np.random.default_rng(0).normal(size=(32, 4)).astype(np.float32)
    truth = (values[:, 0] > 0).astype(np.int64)
    trained, fresh = make(), make()
    trained.fit(values, truth, epochs=2, verbose=0)
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save(trained, advance((0.5, 1.0)))
    checkpoint.restore_last(keras, fresh)
    for ours, theirs in zip(fresh.optimizer.variables, trained.optimizer.variables, strict=True):
        assert np.array_equal(np.asarray(ours), np.asarray(theirs)), ours.name
    assert int(np.asarray(fresh.optimizer.iterations)) == 2
    assert np.array_equal(fresh.get_weights()[0], trained.get_weights()[0])


@pytest.mark.parametrize("damage", ["cut", "changed"])
@pytest.mark.parametrize("name", ["last-3.keras", "best-3.weights.h5"])
def test_a_damaged_checkpoint_is_one_sentence(tmp_path: Path, name: str, damage: str) -> None:
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    fitted(tmp_path)
    path = tmp_path / "fit" / name
    data = path.read_bytes()
    middle = len(data) // 2
    flipped = data[:middle] + bytes(255 - byte for byte in data[middle : middle + 400]) + data[middle + 400 :]
    path.write_bytes(data[:-200] if damage == "cut" else flipped)
    state = tmp_path / "fit" / "state.json"
    state.write_text(
        state.read_text().replace('"finished": true', f'"finished": {str("best" in name).lower()}')
    )
    with pytest.raises(ModelError, match=f"{name}: damaged or cut off .*; train again without --resume"):
        fitted(tmp_path)


def test_a_fit_whose_loss_is_scaled_goes_on_as_if_it_had_not_been_broken_off(tmp_path: Path) -> None:
    """Mixed precision in float16, as on a GPU: Keras wraps the optimizer."""
    keras = pytest.importorskip("keras", reason="needs Keras, of the train extra")
    with under_policy(keras, "mixed_float16"):
        unbroken, whole = fitted(tmp_path / "whole")
        fitted(tmp_path / "broken", epochs=2)
    state = tmp_path / "broken" / "fit" / "state.json"
    state.write_text(state.read_text().replace('"finished": true', '"finished": false'))
    with under_policy(keras, "mixed_float16"):
        model = classifier()
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        gone_on = fit_model(model, tmp_path / "broken", epochs=3)
    assert type(model.optimizer).__name__ == "LossScaleOptimizer"
    assert gone_on.history == whole.history
    for ours, theirs in zip(model.get_weights(), unbroken.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)


class Killed(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


class Disk:
    """Counts what is written and removed, and kills before the operation of a number."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        self.last = 10**6
        for owner, name in ((Path, "replace"), (Path, "unlink"), (module, "write_json")):
            monkeypatch.setattr(owner, name, self._counted(getattr(owner, name)))

    def _counted(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Path, *arguments: Any, **options: Any) -> Any:
            if path.parent.name == "fit" and not path.name.startswith("."):
                if len(self.done) == self.last:
                    raise Killed
                self.done.append(f"{work.__name__} {path.name}")
            return work(path, *arguments, **options)

        return call


def fitted(folder: Path, *, epochs: int = 3) -> tuple[Any, FitResult]:
    """A fit of three epochs, each better than the one before, in FOLDER/fit."""
    model = classifier()
    return model, fit_model(model, folder, epochs=epochs)


def classifier() -> Any:
    import keras

    keras.utils.set_random_seed(0)
    layers = [keras.Input((4,)), keras.layers.Dropout(0.2), keras.layers.Dense(2, activation="softmax")]
    return keras.Sequential(layers)


def fit_model(model: Any, folder: Path, *, epochs: int) -> FitResult:
    import keras

    values = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
    truth = (values[:, 0] > values[:, 1]).astype(np.int64)
    batches = [(values[i : i + 16], truth[i : i + 16]) for i in range(0, 64, 16)]

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return len(batches)

        def __getitem__(self, index: int) -> Any:
            return batches[index]

    plan = FitPlan(epochs=epochs, patience=0, learning_rate=0.1)
    return fit(keras, model, lambda _: Batches(), validation=Batches(), plan=plan, folder=folder / "fit")


SECOND = [
    *("replace partial.keras", "replace partial.weights.h5", "write_json state.json"),
    *("unlink last-1.keras", "unlink best-1.weights.h5", "replace partial.keras"),
]


@pytest.mark.parametrize("point", range(len(SECOND)), ids=[f"before {name}" for name in SECOND])
def test_a_fit_killed_between_any_two_writes_goes_on_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: int
) -> None:
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    unbroken, whole = fitted(tmp_path / "whole")
    with monkeypatch.context() as patch:
        disk = Disk(patch)
        disk.last = 3 + point  # the first epoch writes three files and removes none
        with pytest.raises(Killed):
            fitted(tmp_path / "killed")
        assert disk.done[3:] == SECOND[:point]
    resumed, found = fitted(tmp_path / "killed")
    assert found.history == {key: pytest.approx(values, rel=1e-5) for key, values in whole.history.items()}
    assert found.best_epoch == whole.best_epoch
    for ours, theirs in zip(resumed.get_weights(), unbroken.get_weights(), strict=True):
        assert np.allclose(ours, theirs, rtol=1e-5)
    left = [sorted(p.name for p in (tmp_path / name / "fit").iterdir()) for name in ("whole", "killed")]
    assert left[0] == left[1]


@pytest.mark.parametrize("lost", ["last-2.keras", "best-2.weights.h5"])
def test_a_checkpoint_without_the_files_that_its_state_means_is_one_sentence(
    tmp_path: Path, lost: str
) -> None:
    keras = pytest.importorskip("keras", reason="needs Keras, of the train extra")
    run(tmp_path, [0.1, 0.9], patience=0, epochs=9)
    (tmp_path / lost).unlink()
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile(optimizer="adam", loss="mse")
    checkpoint = Checkpoint(tmp_path)
    restore = partial(checkpoint.restore_last, keras) if lost.startswith("last") else checkpoint.restore_best
    with pytest.raises(ModelError, match=f"{lost}: expected the weights that state.json means, found none"):
        restore(model)
