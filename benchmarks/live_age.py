"""How old a label is when the engine is three times too slow for its camera.

    python benchmarks/live_age.py BUNDLE [--seconds 60]

Synthetic frames of 1280x720, 30 a second; the engine waits until a tenth of a second has passed. The age runs from the
frame's capture to its decision. The limit is 150 ms for 99 of 100 results.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecls.bundle import Bundle
from edgecls.devices.detect import detect_machine
from edgecls.preprocess import Pixels
from edgecls.runtime.classifier import open_classifier
from edgecls.runtime.model_file import ModelFile
from edgecls.runtime.pipeline import Pipeline
from edgecls.runtime.sinks.sink import QuietSink, Result, Start
from edgecls.runtime.sources.grammar import open_source
from edgecls.runtime.timing import percentiles

SLOW_S = 0.1
FPS = 30
LIMIT_MS = 150.0


class SlowEngine:
    """Another engine, slowed to ten pictures a second."""

    def __init__(self, engine: object) -> None:
        self._engine = engine

    def run(self, batch: Pixels) -> NDArray[np.float32]:
        began = time.monotonic()
        answer: NDArray[np.float32] = self._engine.run(batch)  # type: ignore[attr-defined]
        time.sleep(max(0.0, SLOW_S - (time.monotonic() - began)))
        return answer

    def __getattr__(self, name: str) -> object:
        return getattr(self._engine, name)


class Ages(QuietSink):
    """Keeps the age of each result, in ms."""

    def __init__(self) -> None:
        super().__init__("ages")
        self.ms: list[float] = []

    def result(self, result: Result) -> None:
        self.ms.append(result.age_ms)


def main() -> None:
    """Print the percentiles of the ages."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--seconds", type=int, default=60)
    asked = parser.parse_args()
    bundle = Bundle.open(asked.bundle)
    model = ModelFile.from_bundle(bundle, bundle.variant(precision="int8"))
    classifier = open_classifier(model)
    classifier = replace(classifier, engine=SlowEngine(classifier.engine))
    ages = Ages()
    with open_source(f"synthetic://1280x720@{FPS}") as source:
        limit = int(asked.seconds / SLOW_S)
        start = Start(source.name, True, None, "", "", "", "", "", 1, ())
        summary = Pipeline(source, classifier, [ages], max_frames=limit).run(start)
    found = percentiles(ages.ms)
    machine = detect_machine()
    print(f"{bundle.name} on {machine.model}, {FPS} frames a second, {summary.results_per_s:.1f} classified")
    print(f"age p50 {found.p50:.0f} ms, p90 {found.p90:.0f}, p99 {found.p99:.0f}, n = {found.n}")
    print(f"limit {LIMIT_MS:.0f} ms for p99: {'met' if found.p99 <= LIMIT_MS else 'MISSED'}")


if __name__ == "__main__":
    main()
