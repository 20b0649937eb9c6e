"""Latency of a study's classifiers, timed side by side in interleaved rounds of one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from edgecls.errors import EdgeclsError, ModelError
from edgecls.files import digest_json, read_json, sha256_file, write_json
from edgecls.machine import Machine
from edgecls.preprocess import Pixels
from edgecls.records import from_record, to_record
from edgecls.runs import read_run
from edgecls.runtime.litert import DISTRIBUTIONS
from edgecls.studies.model_files import FLOAT, INT8, Made, Making, make_files
from edgecls.studies.planning import Cell
from edgecls.studies.pool import cores
from edgecls.studies.result import CellResult, LatencyResult
from edgecls.studies.work import Step
from edgecls.studies.workers import Send, call

THREADS = 1
ROUNDS = 12
WARM_UP, SAMPLES = 2, 5  # invocations of a file in each round
DOCUMENT = "latencies.json"


@dataclass(frozen=True)
class Timed:
    """Contents of latencies.json: the raw samples, ms by file; `key`: of which files, on what, with which engine."""

    key: str
    samples: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Latencies:
    """Latencies, and a sentence for each classifier that has none."""

    results: tuple[LatencyResult, ...]
    notes: tuple[str, ...]


def one_of_each(cells: Sequence[CellResult]) -> list[CellResult]:
    """A cell of each distinct network, width, size, head and number of classes.

    It is the best on its test photos of those with the first seed on the first data set.
    """
    chosen: dict[tuple[object, ...], CellResult] = {}
    for cell in sorted((c for c in cells if c.failure is None), key=lambda c: c.name.seed):
        config = cell.config
        key = (config.network, config.width, config.size, config.head, len(cell.classes))
        best = chosen.setdefault(key, cell)
        comparable = (cell.name.data, cell.name.seed) == (best.name.data, best.name.seed)
        if comparable and cell.test and best.test and cell.test.value > best.test.value:
            chosen[key] = cell
    return list(chosen.values())


def measure_latencies(
    cells: Sequence[CellResult],
    folder: Path,
    *,
    limits: dict[str, int],
    roots: dict[str, Path],
    machine: Machine,
    hear: Callable[[Step], None],
) -> Latencies:
    """Make the files that are not there yet, then time all of them, unless the same ones were timed already.

    Nothing else of the study may run meanwhile. `roots` says where each data set lies.
    """
    made: dict[str, tuple[CellResult, Path, Made]] = {}
    notes = []
    for cell in one_of_each(cells):
        try:
            making = _making(cell, folder, limits=limits, roots=roots, machine=machine)
            made[making.target.name] = (cell, making.target, make_files(making, hear))
        except EdgeclsError as error:
            notes.append(f"no latency of {cell.name.network} at {cell.config.size} pixels: {error}")
    if not made:
        return Latencies((), tuple(notes))
    try:
        return Latencies(_timed(made, folder, machine, hear), tuple(notes))
    except EdgeclsError as error:
        return Latencies((), (*notes, f"no latency: {error}"))


def _making(
    cell: CellResult, folder: Path, *, limits: dict[str, int], roots: dict[str, Path], machine: Machine
) -> Making:
    run = folder / cell.run
    digest = read_run(run).model_sha256
    return Making(
        cell=Cell(cell.name, cell.config, roots[cell.name.data]),
        key=cell.key,
        run=run,
        target=folder / "models" / digest[:16],
        limits=limits,
        threads=min(4, cores()),
        machine=machine,
    )


def _timed(
    made: dict[str, tuple[CellResult, Path, Made]],
    folder: Path,
    machine: Machine,
    hear: Callable[[Step], None],
) -> tuple[LatencyResult, ...]:
    """The latencies of these files on this machine, under today's names of their cells."""
    files = [target / name for _, target, _ in made.values() for name in (FLOAT, INT8)]
    there = [path for path in files if path.is_file()]
    samples = _samples(there, folder / DOCUMENT, machine, hear)
    return tuple(_result(*each, samples) for each in made.values())


def _samples(
    files: Sequence[Path], document: Path, machine: Machine, hear: Callable[[Step], None]
) -> dict[Path, tuple[float, ...]]:
    """Milliseconds of these files' invocations: kept in `document` from an earlier time, or measured now."""
    named = {f"{path.parent.name}/{path.name}": path for path in files}
    digests = {name: sha256_file(path) for name, path in named.items()}
    key = digest_json([digests, to_record(machine), _engines(), THREADS, ROUNDS, WARM_UP, SAMPLES])
    earlier = _earlier(document)
    if earlier is None or earlier.key != key or set(earlier.samples) != set(named):
        measured = measure_files(files, hear)
        earlier = Timed(key, {name: tuple(measured[path]) for name, path in named.items()})
        write_json(document, to_record(earlier))
    return {path: earlier.samples[name] for name, path in named.items()}


def _earlier(document: Path) -> Timed | None:
    """What was timed before; a document that another edgecls wrote, or that is damaged, counts as none."""
    try:
        return from_record(Timed, read_json(document), str(document))
    except ModelError:
        return None


def _engines() -> dict[str, str]:
    """Versions of the engines that may run a TFLite file here."""
    found = {}
    for package in DISTRIBUTIONS.values():
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def measure_files(files: Sequence[Path], hear: Callable[[Step], None]) -> dict[Path, list[float]]:
    """Milliseconds of each invocation of each file, one picture at a time."""
    samples: dict[Path, list[float]] = {path: [] for path in files}

    def take(message: Step | tuple[Path, list[float]]) -> None:
        if isinstance(message, Step):
            hear(message)
        else:
            samples[message[0]] += message[1]

    call(_time, tuple(files), threads=THREADS, hear=take)
    return samples


def _time(files: tuple[Path, ...], send: Send) -> None:
    """Round after round, every other one backwards, so that heat and other programs meet all files alike.

    A file is opened for its turn alone: all at once would fill the memory of a small machine.
    """
    for number in range(ROUNDS):
        for path in files if number % 2 == 0 else files[::-1]:
            send((path, _time_one(path)))
        send(Step("", "latency, rounds", number + 1, ROUNDS))


def _time_one(path: Path) -> list[float]:
    from edgecls.runtime.engine import open_engine
    from edgecls.runtime.timing import elapsed_ms, monotonic

    engine = open_engine(path, threads=THREADS)
    picture: Pixels = np.random.default_rng(0).integers(0, 256, (1, *engine.input.shape[1:]), np.uint8)
    for _ in range(WARM_UP):
        engine.run(picture)
    found = []
    for _ in range(SAMPLES):
        start = monotonic()
        engine.run(picture)
        found.append(elapsed_ms(start, monotonic()))
    engine.close()
    return found


def _result(
    cell: CellResult, target: Path, made: Made, samples: Mapping[Path, Sequence[float]]
) -> LatencyResult:
    float_ms, float_p95 = _figures(samples[target / FLOAT])
    int8_ms, int8_p95 = _figures(samples[target / INT8]) if target / INT8 in samples else (None, None)
    return LatencyResult(
        network=cell.config.network,
        size=cell.config.size,
        threads=THREADS,
        parameters=cell.parameters or 0,
        multiply_adds=cell.multiply_adds or 0,
        float_ms=float_ms,
        float_p95_ms=float_p95,
        int8_ms=int8_ms,
        int8_p95_ms=int8_p95,
        float_bytes=made.float_bytes,
        int8_bytes=made.int8_bytes,
        note=made.note,
        width=cell.config.width,
        head=cell.config.head,
        classes=len(cell.classes),
        cell=cell.name,
        float_top1=cell.test,
        int8_top1=made.int8_top1,
    )


def _figures(samples: Sequence[float]) -> tuple[float, float]:
    median, p95 = np.percentile(np.asarray(samples, np.float64), (50, 95))
    return round(float(median), 4), round(float(p95), 4)
