"""BenchResult: what a benchmark found on one machine, as frozen dataclasses and as bench.json."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgecls.devices.health import Health
from edgecls.errors import ModelError
from edgecls.files import read_json, write_json
from edgecls.machine import Machine
from edgecls.metrics import Proportion
from edgecls.records import from_record, to_record
from edgecls.runtime.timing import Percentiles

SCHEMA = 1
DOCUMENT = "bench.json"


@dataclass(frozen=True)
class BenchRow:
    """One model file on one engine with one number of threads.

    `engine` is the short name that `open_engine` takes, `runs_on` says what really ran. `invoke_ms` times
    the engine alone, `frame_ms` a decoded photo to its label: preprocess, invoke, top-1. `top1` comes from
    the very runs that were timed. `peak_memory_mb` is the whole process, `base_memory_mb` the same process
    before the engine was loaded (Python, numpy, OpenCV). Times in milliseconds, MB = 10^6 bytes.
    """

    file: str
    sha256: str
    format: str
    precision: str
    engine: str
    runs_on: str
    arithmetic: str
    threads: int
    size_bytes: int
    load_ms: float
    first_ms: float
    invoke_ms: Percentiles
    frame_ms: Percentiles
    top1: Proportion
    base_memory_mb: float
    peak_memory_mb: float
    invoke_samples_ms: tuple[float, ...]
    frame_samples_ms: tuple[float, ...]

    @property
    def key(self) -> str:
        """Short name of the variant, e.g. "tflite int8"."""
        return f"{self.format} {self.precision}"


@dataclass(frozen=True)
class Skipped:
    """What was not measured, and the sentence that says why."""

    what: str
    reason: str


@dataclass(frozen=True)
class BenchResult:
    """Everything one benchmark found, and the machine it found it on.

    `photos` counts the held-out photos that each row has seen; `method` says how the runs were arranged;
    `before` and `after` are the state of the board around them.
    """

    schema: int
    bundle: str
    created: str
    machine: Machine
    versions: dict[str, str]
    photos: int
    method: str
    rows: tuple[BenchRow, ...]
    skipped: tuple[Skipped, ...]
    before: Health
    after: Health


def fastest(rows: tuple[BenchRow, ...]) -> dict[str, BenchRow]:
    """For each model file, by its sha256, the row with the shortest median frame; the rows' order is kept."""
    best: dict[str, BenchRow] = {}
    for row in rows:
        if row.sha256 not in best or row.frame_ms.p50 < best[row.sha256].frame_ms.p50:
            best[row.sha256] = row
    return best


def write_bench(path: Path, result: BenchResult) -> None:
    """Write bench.json, whole or not at all."""
    write_json(path, to_record(result))


def read_bench(path: Path) -> BenchResult:
    """Read bench.json. Raises ModelError when it is no benchmark, of another schema, or changed."""
    record = read_json(path)
    found = record.get("schema") if isinstance(record, dict) and "rows" in record else None
    if not isinstance(found, int):
        raise ModelError(f"{path}: expected the JSON that 'edgecls bench' writes, found something else")
    if found != SCHEMA:
        advice = "upgrade edgecls here" if found > SCHEMA else "measure again with: edgecls bench"
        raise ModelError(f"{path}: expected schema {SCHEMA}, found {found}; {advice}")
    return from_record(BenchResult, record, str(path))
