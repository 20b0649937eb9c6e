"""The measuring process of the benchmark: one model file, one engine, a few photos, then it ends.

A process of its own, so that its memory is the variant's own and no engine warms another one up.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

from edgecls.errors import EdgeclsError
from edgecls.images import read_photo
from edgecls.labels import Labels
from edgecls.preprocess import Preprocess
from edgecls.records import from_record, to_record
from edgecls.runtime.classifier import Classifier
from edgecls.runtime.decision import FrameByFrame
from edgecls.runtime.engine import open_engine
from edgecls.runtime.litert import PACKAGES
from edgecls.runtime.timing import Clock, elapsed_ms, monotonic

ENGINE_MODULES = {**PACKAGES, "onnxruntime": "onnxruntime"}
WARM_UP = 3


@dataclass(frozen=True)
class WorkOrder:
    """What one measuring process has to do.

    The photos are shown `passes` times over; the answers of the first pass give the accuracy.
    """

    model: str
    engine: str
    threads: int
    arithmetic: str
    labels: tuple[str, ...]
    preprocess: Preprocess
    temperature: float
    thresholds: tuple[float, ...]
    photos: tuple[str, ...]
    passes: int


@dataclass(frozen=True)
class WorkReport:
    """What one measuring process found: times in milliseconds, memory in MB, an answer (index) a photo."""

    runs_on: str
    load_ms: float
    first_ms: float
    invoke_ms: tuple[float, ...]
    frame_ms: tuple[float, ...]
    answers: tuple[int, ...]
    base_memory_mb: float
    peak_memory_mb: float


def measure(order: WorkOrder, clock: Clock = monotonic) -> WorkReport:
    """Do the work in this process, with the very Classifier that `edgecls run` uses.

    Raises what `open_engine` and `read_photo` raise.
    """
    first_photo = read_photo(Path(order.photos[0]))
    base = peak_memory_mb()
    _import_engine(order.engine)
    start = clock()
    engine = open_engine(
        Path(order.model), engine=order.engine, threads=order.threads, arithmetic=order.arithmetic
    )
    load_ms = elapsed_ms(start, clock())
    decision = FrameByFrame(Labels(order.labels), order.temperature, order.thresholds)
    classifier = Classifier(order.preprocess, engine, decision, clock)
    first_ms = classifier.classify(first_photo).invoke_ms
    for _ in range(WARM_UP):
        classifier.classify(first_photo)
    # Photos are decoded one by one, between the timed parts, so that the peak holds one and not all.
    shown = [
        classifier.classify(read_photo(Path(name))) for _ in range(order.passes) for name in order.photos
    ]
    engine.close()
    return WorkReport(
        runs_on=engine.name,
        load_ms=_rounded(load_ms),
        first_ms=_rounded(first_ms),
        invoke_ms=tuple(_rounded(one.invoke_ms) for one in shown),
        frame_ms=tuple(_rounded(one.preprocess_ms + one.invoke_ms + one.decide_ms) for one in shown),
        answers=tuple(one.prediction.index for one in shown[: len(order.photos)]),
        base_memory_mb=_rounded(base),
        peak_memory_mb=_rounded(peak_memory_mb()),
    )


def _import_engine(engine: str) -> None:
    """Import the engine's package before the clock starts; `open_engine` words the error if it is absent."""
    if engine in ENGINE_MODULES:
        try:
            importlib.import_module(ENGINE_MODULES[engine])
        except (ImportError, AttributeError):
            return


def _rounded(value: float) -> float:
    """Four decimals: a tenth of a microsecond, finer than any clock here."""
    return round(value, 4)


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far, in MB of 10^6 bytes.

    Not getrusage where /proc is there: Linux carries a parent's peak over into a child's ru_maxrss
    (kernel, fs/exec.c, exec_mmap), so that a child of a big training process would look big too.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
    kib = next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]
    return int(kib) * 1024 / 1e6


def main() -> None:
    """Read a WorkOrder from stdin, write a WorkReport or {"error": sentence} to stdout, both JSON."""
    answer = os.dup(1)
    os.dup2(2, 1)  # what a C++ library prints must not land in the answer
    order = from_record(WorkOrder, json.load(sys.stdin), "work order")
    try:
        record = to_record(measure(order))
    except EdgeclsError as error:
        record = {"error": str(error)}
    with os.fdopen(answer, "w", encoding="utf-8") as channel:
        json.dump(record, channel)


if __name__ == "__main__":
    main()
