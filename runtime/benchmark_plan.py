"""BenchmarkPlan: which variants, engines, threads and photos a benchmark measures, and in which rounds.

Machines drift: they grow warm, neighbours wake up. So the photos are dealt into rounds, and in each round
every configuration takes its turn, in a process of its own, on the round's photos. Each photo is seen by
every configuration, and latency and accuracy come from the same runs.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass

from edgecls.bundle import Bundle
from edgecls.errors import DeviceError, ModelError, UsageError
from edgecls.machine import Machine
from edgecls.manifest import EvaluationPhoto, Variant
from edgecls.runtime.arithmetic import arithmetic_for
from edgecls.runtime.benchmark_result import Skipped
from edgecls.runtime.benchmark_worker import ENGINE_MODULES
from edgecls.runtime.engine import ENGINES

ROUNDS = 3
MIN_SAMPLES = 60  # a row with fewer photos sees them again; the answers of the first time count
USUAL_THREADS = (1, 2, 4)
INSTALL = {
    "litert": "pip install ai-edge-litert",
    "tflite-runtime": "pip install 'edgecls[tflite-runtime]'",
    "onnxruntime": "pip install 'edgecls[onnx]'",
}


@dataclass(frozen=True)
class Configuration:
    """One row to be: a model file, the engine and the number of threads."""

    variant: Variant
    engine: str
    threads: int
    arithmetic: str

    def __str__(self) -> str:
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{self.variant.key} on {self.engine}, {threads}"


@dataclass(frozen=True)
class BenchmarkPlan:
    """What a benchmark will measure: configurations, the rounds' photos, and what is left out."""

    configurations: tuple[Configuration, ...]
    rounds: tuple[tuple[EvaluationPhoto, ...], ...]
    passes: int
    skipped: tuple[Skipped, ...]

    @property
    def photos(self) -> int:
        return sum(len(photos) for photos in self.rounds)

    @property
    def method(self) -> str:
        """The sentence that says how the figures came about."""
        again = f", shown {self.passes} times" if self.passes > 1 else ""
        return (
            f"{self.photos} held-out photos{again}, dealt into {len(self.rounds)} rounds; in each round "
            "every configuration runs once, in a process of its own, and the order turns round from round "
            "to round; load and first are medians over the rounds; frame is a decoded photo to its label"
        )


def plan_benchmark(
    bundle: Bundle,
    machine: Machine,
    *,
    engine: str | None = None,
    threads: Sequence[int] = (),
    photos: int | None = None,
) -> BenchmarkPlan:
    """Decide what to measure: by default every installed engine, and 1, 2, 4 threads up to the cores.

    `photos` takes so many of the held-out photos, classes in turn. Raises UsageError for a number below 1,
    an unknown engine or one that fits no variant, DeviceError when the engine asked for, or every engine,
    is not installed, ModelError when the bundle carries no photos.
    """
    _check_photos(bundle, photos)
    chosen = in_turn(bundle.manifest.evaluation)[:photos]
    rounds = tuple(chosen[i::ROUNDS] for i in range(min(ROUNDS, len(chosen))))
    planned = configurations(bundle, machine, engine=engine, threads=threads)
    asked = [engine] if engine else list(ENGINE_MODULES)
    skipped = tuple(_absent(name) for name in asked if not is_installed(name) and _fits(name, bundle))
    return BenchmarkPlan(planned, rounds, -(-MIN_SAMPLES // len(chosen)), skipped)


def configurations(
    bundle: Bundle, machine: Machine, *, engine: str | None = None, threads: Sequence[int] = ()
) -> tuple[Configuration, ...]:
    """Every variant on every installed engine that runs it, with 1, 2, 4 threads up to the cores unless told.

    Raises UsageError for threads below 1, an unknown engine or one that fits no variant, DeviceError when the engine
    asked for, or every engine, is not installed.
    """
    _check_engine(bundle, engine, threads)
    asked = [engine] if engine else list(ENGINE_MODULES)
    absent = [name for name in asked if not is_installed(name)]
    if len(absent) == len(asked):
        raise DeviceError("; ".join(_absent(name).reason for name in absent))
    found = tuple(
        Configuration(variant, name, count, arithmetic_for(variant.format, variant.precision, machine))
        for variant in bundle.manifest.variants
        for name in asked
        if name not in absent and ENGINES[name] == variant.format
        for count in threads or usual_threads(machine)
    )
    if not found:
        reasons = "; ".join(_absent(name).reason for name in absent if _fits(name, bundle))
        raise DeviceError(f"{bundle.folder}: no variant can run here; {reasons}")
    return found


def usual_threads(machine: Machine) -> tuple[int, ...]:
    """1, 2 and 4 threads, as far as the machine has cores."""
    return tuple(count for count in USUAL_THREADS if count <= max(1, machine.cores))


def is_installed(engine: str) -> bool:
    """Whether the engine's package is there; that it works is only seen when it runs."""
    return importlib.util.find_spec(ENGINE_MODULES[engine].split(".")[0]) is not None


def in_turn(photos: Sequence[EvaluationPhoto]) -> tuple[EvaluationPhoto, ...]:
    """The photos with the classes taking turns, so that any first n of them are stratified."""
    seen: dict[int, int] = {}
    turns = []
    for photo in photos:
        seen[photo.label] = seen.get(photo.label, 0) + 1
        turns.append((seen[photo.label], photo.label))
    order = sorted(range(len(photos)), key=lambda i: turns[i])
    return tuple(photos[i] for i in order)


def _check_engine(bundle: Bundle, engine: str | None, threads: Sequence[int]) -> None:
    if engine is not None and engine not in ENGINE_MODULES:
        raise UsageError(f"expected an engine of {', '.join(ENGINE_MODULES)}, found '{engine}'; choose one")
    if engine is not None and not _fits(engine, bundle):
        there = ", ".join(variant.file for variant in bundle.manifest.variants)
        raise UsageError(
            f"{bundle.folder}: '{engine}' runs .{ENGINES[engine]} files, found {there}; choose another"
        )
    if min(threads, default=1) < 1:
        raise UsageError(f"threads must be at least 1, found {min(threads)}")


def _check_photos(bundle: Bundle, photos: int | None) -> None:
    if photos is not None and photos < 1:
        raise UsageError(f"photos must be at least 1, found {photos}")
    if not bundle.manifest.evaluation:
        raise ModelError(
            f"{bundle.folder}: expected held-out photos in the bundle, found none; "
            "no latency is given without the accuracy, export again with photos"
        )


def _fits(engine: str, bundle: Bundle) -> bool:
    return any(variant.format == ENGINES[engine] for variant in bundle.manifest.variants)


def _absent(engine: str) -> Skipped:
    reason = f"engine '{engine}' is not installed; install it with: {INSTALL[engine]}"
    return Skipped(f"{engine} (.{ENGINES[engine]} files)", reason)
