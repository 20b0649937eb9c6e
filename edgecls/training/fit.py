"""Fitting one stage: compile, train with a checkpoint after every epoch, and end with the best weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgecls.progress import Tick
from edgecls.runs import History
from edgecls.training.checkpoint import Checkpoint, make_callback

Batches = Callable[[int], Any]
WARMUP = 20  # the share of the steps, 1/20, over which the rate rises


@dataclass(frozen=True)
class FitPlan:
    """How one stage is trained.

    `optimizer` is "adam" or "sgd" (Nesterov momentum 0.9), each with decoupled `weight_decay`. `steps` is given
    when the rate shall rise over the first twentieth of them and fall along a cosine to 0 over the rest.
    With `baseline` the weights the stage begins with are the best until an epoch is better. `keep` says which weights
    the fit ends with: those of the "best" epoch, or of the "last" that did not diverge, and then no epoch is too many.
    """

    epochs: int
    patience: int
    learning_rate: float
    optimizer: str = "adam"
    weight_decay: float = 0.0
    steps: int | None = None
    class_weight: dict[int, float] | None = None
    baseline: bool = False
    keep: str = "best"
    seed: int = 0


@dataclass(frozen=True)
class FitResult:
    """What came of one stage. `best_epoch` counts from 1; 0 when none was better than the start.

    `best_accuracy` is that of the validation photos, negative when no epoch ended with a finite loss. `seconds`
    are those of all epochs, `earlier_seconds` those of them that an interrupted training had done before.
    """

    history: History
    best_epoch: int
    best_accuracy: float
    interrupted: bool
    seconds: float
    earlier_seconds: float


def fit(
    keras: Any,
    model: Any,
    batches: Batches,
    *,
    validation: Any,
    plan: FitPlan,
    folder: Path,
    tick: Tick | None = None,
) -> FitResult:
    """Train `model` and leave it with its best weights; go on from `folder` when a fit was interrupted there.

    `batches(epoch)` gives the batches from that epoch on. Ctrl-C ends the fit, not the program: the best weights
    so far stay.
    """
    checkpoint = Checkpoint(folder)
    state = checkpoint.state()
    earlier = state.seconds
    _compile(keras, model, plan)
    if state.epochs and not state.finished:
        checkpoint.restore_last(keras, model)
    elif plan.baseline and not state.epochs:
        model.optimizer.build(model.trainable_variables)  # its state is read again with the weights
        loss, accuracy = model.evaluate(validation, verbose=0)
        checkpoint.save(model, replace(state, best_accuracy=float(accuracy), best_loss=float(loss)))
    interrupted = False
    if not state.finished:
        interrupted = _run(
            keras, model, batches, validation=validation, plan=plan, checkpoint=checkpoint, tick=tick
        )
    checkpoint.restore_best(model)
    state = checkpoint.state()
    return FitResult(
        state.history, state.best_epoch, state.best_accuracy, interrupted, state.seconds, earlier
    )


def _compile(keras: Any, model: Any, plan: FitPlan) -> None:
    model.compile(
        optimizer=_optimizer(keras, plan),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )


def _optimizer(keras: Any, plan: FitPlan) -> Any:
    rate: Any = plan.learning_rate
    if plan.steps:
        warmup = max(1, plan.steps // WARMUP)
        # The first step's rate: from 0 that step would be wasted, and a single one train nothing.
        first = plan.learning_rate / warmup
        rate = keras.optimizers.schedules.CosineDecay(
            first,
            max(1, plan.steps - warmup),
            warmup_target=plan.learning_rate,
            warmup_steps=warmup,
        )
    decay = plan.weight_decay or None
    if plan.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=decay)
    return keras.optimizers.Adam(rate, weight_decay=decay)


def _run(
    keras: Any,
    model: Any,
    batches: Batches,
    *,
    validation: Any,
    plan: FitPlan,
    checkpoint: Checkpoint,
    tick: Tick | None,
) -> bool:
    """Fit until done; say whether Ctrl-C ended it."""
    done = checkpoint.state().epochs
    callback = make_callback(
        keras,
        checkpoint,
        patience=plan.patience,
        epochs=plan.epochs,
        keep=plan.keep,
        seed=plan.seed,
        tick=tick,
    )
    try:
        model.fit(
            batches(done),
            validation_data=validation,
            epochs=plan.epochs,
            initial_epoch=done,
            class_weight=plan.class_weight,
            callbacks=[callback],
            shuffle=False,  # the batches come in their own seeded order; Keras' would not survive a resume
            verbose=0,
        )
    except KeyboardInterrupt:
        return True
    return False
