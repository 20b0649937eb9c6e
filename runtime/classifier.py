"""Classifier: preprocess, engine and decision as one step from a picture to a Prediction, timed."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from edgecls.devices.detect import detect_machine
from edgecls.prediction import Prediction
from edgecls.preprocess import Pixels, Preprocess
from edgecls.runtime.arithmetic import arithmetic_for
from edgecls.runtime.decision import Decision, FrameByFrame
from edgecls.runtime.engine import Engine, open_engine
from edgecls.runtime.model_file import ModelFile
from edgecls.runtime.timing import Clock, elapsed_ms, monotonic

MOST_THREADS = 4
TOP_K = 5


@dataclass(frozen=True)
class Classified:
    """A Prediction, what its stages took in ms, and the Clock's reading when it was there."""

    prediction: Prediction
    preprocess_ms: float
    invoke_ms: float
    decide_ms: float
    decided_ns: int


@dataclass(frozen=True)
class Classifier:
    """One model with everything that belongs around it."""

    preprocess: Preprocess
    engine: Engine
    decision: Decision
    clock: Clock = monotonic

    def classify(self, pixels: Pixels) -> Classified:
        """Classify one picture, uint8 BGR of shape (h, w, 3). Raises DataError for another shape or dtype."""
        clock = self.clock
        started = clock()
        batch = self.preprocess.apply(pixels)[np.newaxis]
        prepared = clock()
        probabilities = self.engine.run(batch)[0]
        invoked = clock()
        prediction = self.decision.decide(probabilities)
        decided = clock()
        return Classified(
            prediction,
            elapsed_ms(started, prepared),
            elapsed_ms(prepared, invoked),
            elapsed_ms(invoked, decided),
            decided,
        )


def default_threads() -> int:
    """As many threads as this process may have cores, at most four: beyond that small networks get slower."""
    return min(MOST_THREADS, len(os.sched_getaffinity(0)))


def open_classifier(
    model: ModelFile, *, engine: str | None = None, threads: int | None = None, top_k: int = TOP_K
) -> Classifier:
    """Open a model as its card says, in the arithmetic that this machine needs.
    Raises ModelError when the labels do not fit the model's output, else as `open_engine` does.
    """
    format = model.path.suffix.lstrip(".")
    arithmetic = arithmetic_for(format, model.card.precision, detect_machine())
    opened = open_engine(
        model.path, engine=engine, threads=threads or default_threads(), arithmetic=arithmetic
    )
    model.labels.check_outputs(opened.output.shape[-1], str(model.path))
    card = model.card
    decision = FrameByFrame(model.labels, card.temperature, card.thresholds, top_k)
    return Classifier(card.preprocess, opened, decision)
