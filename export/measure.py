"""Measuring a model file on photos: the engine it ran on, its probabilities, its accuracy beside float."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgecls.data import Loaded
from edgecls.machine import Machine
from edgecls.manifest import Measurement
from edgecls.metrics import Probabilities, compare, top1
from edgecls.progress import Tick
from edgecls.runtime.arithmetic import arithmetic_for
from edgecls.runtime.engine import open_engine
from edgecls.tensors import TensorSpec

STEP = 16


@dataclass(frozen=True)
class Scored:
    """What an engine gave: probabilities, float32 (n, classes), its words for itself, and the file's tensors."""

    probabilities: Probabilities
    engine: str
    arithmetic: str
    input: TensorSpec
    output: TensorSpec


def score_file(
    path: Path, precision: str, loaded: Loaded, *, machine: Machine, threads: int, tick: Tick | None = None
) -> Scored:
    """Run a model file on every photo, in the arithmetic that the device will use."""
    arithmetic = arithmetic_for(path.suffix.lstrip("."), precision, machine)
    engine = open_engine(path, threads=threads, arithmetic=arithmetic)
    rows = []
    for start in range(0, len(loaded), STEP):
        rows.append(engine.run(loaded.pixels[start : start + STEP]))
        if tick:
            tick(min(start + STEP, len(loaded)), len(loaded))
    engine.close()
    words = f"{arithmetic} ({machine.int8_dot})" if arithmetic == "native" else arithmetic
    return Scored(np.concatenate(rows), engine.name, words, engine.input, engine.output)


def measure(scored: Scored, reference: Scored, loaded: Loaded, *, photos: str) -> Measurement:
    """Accuracy of one file and its agreement with the float file on the same photos."""
    return Measurement(
        photos=photos,
        top1=top1(scored.probabilities, loaded.truth),
        agreement=compare(reference.probabilities, scored.probabilities, loaded.truth),
        engine=scored.engine,
        arithmetic=scored.arithmetic,
    )


def score_files(
    files: dict[Path, str],
    loaded: Loaded,
    *,
    machine: Machine,
    threads: int,
    announce: Callable[[str], Tick],
    what: str,
) -> dict[Path, Scored]:
    """Run several model files, path -> precision, on the same photos, one after the other."""
    return {
        path: score_file(
            path, precision, loaded, machine=machine, threads=threads, tick=announce(f"{path.name}, {what}")
        )
        for path, precision in files.items()
    }
