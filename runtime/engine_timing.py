"""Engine timing: what each configuration of a bundle takes here, and which of them is to be had."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from edgecls.bundle import Bundle, Golden
from edgecls.errors import DeviceError, EdgeclsError, ModelError, UsageError
from edgecls.files import utc_now
from edgecls.machine import Machine
from edgecls.manifest import int8_first
from edgecls.preprocess import Pixels
from edgecls.runtime.benchmark_plan import Configuration, configurations
from edgecls.runtime.engine import Engine, open_engine
from edgecls.runtime.engine_choice import Choice, Timed
from edgecls.runtime.timing import Clock, elapsed_ms, monotonic
from edgecls.runtime.verify import compare, judge

WARM_UP = 3
LEAST_RUNS = 10
MOST_RUNS = 200
LOOK_S = 0.25  # how long each is timed, twice
# Differences that nobody notices: then int8 wins, and fewer threads.
SLACK = 1.05
SLACK_MS = 0.1


def fitting(
    bundle: Bundle,
    machine: Machine,
    *,
    engine: str | None,
    threads: int | None,
    format: str | None,
    precision: str | None,
) -> list[Configuration]:
    """Configurations that fit what is asked; exact arithmetic, many times slower, only where there is no other."""
    there = configurations(bundle, machine, engine=engine, threads=() if threads is None else (threads,))
    found = [
        one
        for one in there
        if format in (None, one.variant.format) and precision in (None, one.variant.precision)
    ]
    if not found:
        asked = " ".join(part for part in (format, precision, engine) if part)
        present = ", ".join(variant.key for variant in bundle.manifest.variants)
        raise UsageError(
            f"{bundle.folder}: expected a variant '{asked}', found {present}; choose one of these"
        )
    native = [one for one in found if one.arithmetic == "native"]
    return native or found


def measure(bundle: Bundle, fitting: Sequence[Configuration], *, clock: Clock = monotonic) -> Choice:
    """Time configurations, one in memory at a time, forwards and backwards so that a drift meets all alike."""
    golden = bundle.golden()
    paths = {
        one.variant: bundle.variant_path(one.variant) for one in fitting
    }  # a changed file ends everything
    took: dict[Configuration, float] = {}
    left_out: dict[Configuration, str] = {}
    for one in (*fitting, *reversed(fitting)):
        if one not in left_out:
            try:
                took[one] = min(took.get(one, np.inf), _invoke_ms(paths[one.variant], one, golden, clock))
            except EdgeclsError as error:
                left_out[one] = f"{one}: {error}"
    timed = tuple(_timed(one, took[one]) for one in fitting if one not in left_out)
    if not timed:
        raise DeviceError(f"{bundle.folder}: nothing of it works here: {'; '.join(left_out.values())}")
    return Choice(fastest(timed), utc_now(), timed, tuple(left_out.values()))


def fastest(timed: Sequence[Timed]) -> Timed:
    """The fastest; of those that are as good as that, int8 before float, and fewer threads first."""
    least = min(one.invoke_ms for one in timed)
    good = [one for one in timed if one.invoke_ms <= max(least * SLACK, least + SLACK_MS)]
    return min(good, key=lambda one: (int8_first(one.format, one.precision), one.threads, one.invoke_ms))


def _invoke_ms(path: Path, one: Configuration, golden: Golden, clock: Clock) -> float:
    """Raises ModelError when the golden photos get other answers than they had."""
    engine = open_engine(path, engine=one.engine, threads=one.threads, arithmetic=one.arithmetic)
    try:
        found = engine.run(golden.pixels)
        expected = golden.probabilities[one.variant.file]
        reason = judge(
            one.variant, compare(expected, found, engine=engine.name, arithmetic=engine.arithmetic)
        )
        if reason:
            raise ModelError(reason)
        return float(np.median(list(_samples_ms(engine, golden.pixels[:1], clock))))
    finally:
        engine.close()


def _samples_ms(engine: Engine, picture: Pixels, clock: Clock) -> Iterator[float]:
    for _ in range(WARM_UP):
        engine.run(picture)
    began = clock()
    for count in range(MOST_RUNS):
        started = clock()
        if count >= LEAST_RUNS and elapsed_ms(began, started) > LOOK_S * 1e3:
            return
        engine.run(picture)
        yield elapsed_ms(started, clock())


def _timed(one: Configuration, invoke_ms: float) -> Timed:
    variant = one.variant
    return Timed(variant.file, variant.format, variant.precision, one.engine, one.threads, invoke_ms)
