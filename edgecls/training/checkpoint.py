"""Checkpoint: the best weights so far and all it takes to go on, on disk after every epoch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from edgecls.errors import ModelError, first_line
from edgecls.files import read_json, write_json
from edgecls.progress import Tick
from edgecls.records import from_record, to_record
from edgecls.runs import History
from edgecls.training.backend import under_policy, write_whole


@dataclass(frozen=True)
class FitState:
    """How far a fit has come: epochs done, the seconds they took, one value an epoch of each figure, the best.

    The best epoch is the one with the highest validation accuracy, of equals the one with the lowest loss: with
    few validation photos the loss alone stops early, since it punishes confidence more than wrong labels. Where the
    last is kept, whatever its figures, that is the best here. An epoch whose loss is no number has diverged and is
    never the best.
    """

    epochs: int = 0
    finished: bool = False
    best_epoch: int = 0
    best_accuracy: float = -1.0
    best_loss: float = 0.0
    history: History = field(default_factory=dict)
    seconds: float = 0.0

    def advance(self, logs: dict[str, float], *, seconds: float = 0.0, keep: str = "best") -> FitState:
        """The state after one more epoch, with its figures and how long it took; `keep` is "best" or "last"."""
        values = {key: (*self.history.get(key, ()), _finite(value)) for key, value in logs.items()}
        epochs = self.epochs + 1
        accuracy, loss = float(logs["val_accuracy"]), float(logs["val_loss"])
        after = replace(self, epochs=epochs, history=values, seconds=self.seconds + seconds)
        better = (accuracy, -loss) > (self.best_accuracy, -self.best_loss)
        if isfinite(loss) and (better or keep == "last"):
            return replace(after, best_epoch=epochs, best_accuracy=accuracy, best_loss=loss)
        return after


def _finite(value: float) -> float | None:
    return float(value) if isfinite(value) else None


class Checkpoint:
    """The files of one fit: last-N.keras (weights and optimizer), best-N.weights.h5, and state.json, which says N.

    state.json is written last, after the files that it means, and only then those of earlier epochs are removed:
    wherever the program is killed, what state.json says is on disk.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._state = folder / "state.json"

    def state(self) -> FitState:
        """The state on disk, or a fresh one."""
        if not self._state.is_file():
            return FitState()
        return from_record(FitState, read_json(self._state), str(self._state))

    def save(self, model: Any, state: FitState) -> None:
        """Keep the model as it is, and its weights as the best when this epoch was.

        Raises EdgeclsError when the disk is full; what was kept before stays.
        """
        write_whole(self._last(state), model.save)
        if state.best_epoch == state.epochs:
            write_whole(self._best(state), model.save_weights)
        write_json(self._state, to_record(state))
        self._remove_others(state)

    def restore_last(self, keras: Any, model: Any) -> None:
        """Bring weights and optimizer back to where the fit stopped.

        Raises ModelError when their file is gone or damaged.
        """
        path = self._there(self._last(self.state()))
        # On a GPU mixed precision wraps the optimizer, and the policy in force decides whether loading does so too.
        with _reading(path), under_policy(keras, model.dtype_policy):
            saved = keras.models.load_model(path)
        model.set_weights(saved.get_weights())
        _build_optimizer(model)
        for ours, theirs in zip(model.optimizer.variables, saved.optimizer.variables, strict=True):
            ours.assign(theirs)

    def restore_best(self, model: Any) -> None:
        """Load the best weights; the model stays as it is when there are none. Raises ModelError as `restore_last`."""
        state = self.state()
        if state.best_epoch or self._best(state).is_file():
            _build_optimizer(model)  # the file holds its state too
            path = self._there(self._best(state))
            with _reading(path):
                model.load_weights(path)

    def _last(self, state: FitState) -> Path:
        return self._folder / f"last-{state.epochs}.keras"

    def _best(self, state: FitState) -> Path:
        return self._folder / f"best-{state.best_epoch}.weights.h5"

    def _there(self, path: Path) -> Path:
        if path.is_file():
            return path
        raise ModelError(
            f"{path}: expected the weights that {self._state.name} means, found none; train again without --resume"
        )

    def _remove_others(self, state: FitState) -> None:
        kept = (self._last(state), self._best(state))
        for path in (*self._folder.glob("last-*.keras"), *self._folder.glob("best-*.weights.h5")):
            if path not in kept:
                path.unlink()


def _build_optimizer(model: Any) -> None:
    """Once: a second time, the one that scales the loss would have its variables twice."""
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """A damaged file is one sentence."""
    try:
        yield
    except Exception as error:  # Keras, zipfile and h5py say so in many ways
        raise ModelError(
            f"{path}: damaged or cut off ({first_line(error)}); train again without --resume"
        ) from error


def make_callback(
    keras: Any,
    checkpoint: Checkpoint,
    *,
    patience: int,
    epochs: int,
    keep: str,
    seed: int,
    tick: Tick | None,
) -> Any:
    """The Keras callback that saves every epoch, ends the fit after `patience` epochs without a better one.

    It seeds dropout at the start of each epoch: Keras' files do not hold the state of its generators, and a resumed
    fit would differ from an unbroken one.
    """

    class SaveEveryEpoch(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self._started = time.monotonic()

        def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            self._started = time.monotonic()
            random = np.random.default_rng((seed, epoch))
            for variable in self.model.non_trainable_variables:
                if variable.path.endswith("seed_generator_state"):
                    variable.assign(np.array([random.integers(2**31), 0], str(variable.dtype)))

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            seconds = time.monotonic() - self._started
            state = checkpoint.state().advance(dict(logs or {}), seconds=seconds, keep=keep)
            if state.epochs - state.best_epoch >= patience > 0 or state.epochs >= epochs:
                state = replace(state, finished=True)
                self.model.stop_training = True
            checkpoint.save(self.model, state)
            if tick:
                tick(state.epochs, epochs)

    return SaveEveryEpoch()
