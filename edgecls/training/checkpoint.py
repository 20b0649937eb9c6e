"""Checkpoint: the best weights so far and all it takes to go on, on disk after every epoch."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from edgecls.files import read_json, write_json
from edgecls.progress import Tick
from edgecls.records import from_record, to_record

History = dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class FitState:
    """How far a fit has come: epochs done, the seconds they took, one value an epoch of each figure, the best.

    The best epoch is the one with the highest validation accuracy, of equals the one with the lowest loss: with
    few validation photos the loss alone stops early, since it punishes confidence more than wrong labels.
    An epoch whose loss is no number has diverged and is never the best.
    """

    epochs: int = 0
    finished: bool = False
    best_epoch: int = 0
    best_accuracy: float = -1.0
    best_loss: float = 0.0
    history: History = field(default_factory=dict)
    seconds: float = 0.0

    def advance(self, logs: dict[str, float], *, seconds: float = 0.0) -> FitState:
        """The state after one more epoch, with its figures and how long it took."""
        values = {key: (*self.history.get(key, ()), float(value)) for key, value in logs.items()}
        epochs = self.epochs + 1
        accuracy, loss = float(logs["val_accuracy"]), float(logs["val_loss"])
        after = replace(self, epochs=epochs, history=values, seconds=self.seconds + seconds)
        if isfinite(loss) and (accuracy, -loss) > (self.best_accuracy, -self.best_loss):
            return replace(after, best_epoch=epochs, best_accuracy=accuracy, best_loss=loss)
        return after


class Checkpoint:
    """The files of one fit: last.keras (weights and optimizer), best.weights.h5, state.json."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._last = folder / "last.keras"
        self._best = folder / "best.weights.h5"
        self._state = folder / "state.json"

    def state(self) -> FitState:
        """The state on disk, or a fresh one."""
        if not self._state.is_file():
            return FitState()
        return from_record(FitState, read_json(self._state), str(self._state))

    def save(self, model: Any, state: FitState) -> None:
        """Keep the model as it is, and its weights as the best when this epoch was."""
        partial = self._last.with_name("partial.keras")
        model.save(partial)
        partial.replace(self._last)
        if state.best_epoch == state.epochs:
            weights = self._best.with_name("partial.weights.h5")
            model.save_weights(weights)
            weights.replace(self._best)
        self.mark(state)

    def mark(self, state: FitState) -> None:
        """Record the state alone."""
        write_json(self._state, to_record(state))

    def restore_last(self, keras: Any, model: Any) -> None:
        """Bring weights and optimizer back to where the fit stopped."""
        saved = keras.models.load_model(self._last)
        model.set_weights(saved.get_weights())
        model.optimizer.build(model.trainable_variables)
        for ours, theirs in zip(model.optimizer.variables, saved.optimizer.variables, strict=True):
            ours.assign(theirs)

    def restore_best(self, model: Any) -> None:
        """Load the best weights; the model stays as it is when no epoch has ended."""
        if self._best.is_file():
            model.optimizer.build(model.trainable_variables)  # the file holds its state too
            model.load_weights(self._best)


def make_callback(
    keras: Any, checkpoint: Checkpoint, *, patience: int, epochs: int, seed: int, tick: Tick | None
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
            state = checkpoint.state().advance(dict(logs or {}), seconds=seconds)
            if state.epochs - state.best_epoch >= patience > 0 or state.epochs >= epochs:
                state = replace(state, finished=True)
                self.model.stop_training = True
            checkpoint.save(self.model, state)
            if tick:
                tick(state.epochs, epochs)

    return SaveEveryEpoch()
