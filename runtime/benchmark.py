"""Benchmark: runs a plan, one measuring process after the other, and gathers the rows of a BenchResult."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version

from edgecls import __version__
from edgecls.bundle import Bundle
from edgecls.devices.health import Health, read_health
from edgecls.errors import DeviceError, EdgeclsError
from edgecls.files import utc_now
from edgecls.machine import Machine
from edgecls.manifest import EvaluationPhoto
from edgecls.metrics import wilson
from edgecls.progress import Tick
from edgecls.records import from_record, to_record
from edgecls.runtime.benchmark_plan import BenchmarkPlan, Configuration
from edgecls.runtime.benchmark_result import SCHEMA, BenchResult, BenchRow, Skipped
from edgecls.runtime.benchmark_worker import WorkOrder, WorkReport
from edgecls.runtime.timing import percentiles

PACKAGES = ("numpy", "opencv-python-headless", "ai-edge-litert", "tflite-runtime", "onnxruntime")
SIGKILL = 9

# Runs one measuring process. Raises EdgeclsError when it could not measure.
Measure = Callable[[WorkOrder], WorkReport]


def run_benchmark(
    bundle: Bundle,
    machine: Machine,
    plan: BenchmarkPlan,
    *,
    tick: Tick = lambda done, total: None,
    measure: Measure | None = None,
    health: Callable[[], Health] = read_health,
) -> BenchResult:
    """Measure what was planned. `tick` is told (done, total) processes.

    A configuration that fails is left out and named with its reason. Raises ModelError for a file that is
    not as recorded, DeviceError when nothing could be measured.
    """
    for variant in bundle.manifest.variants:
        bundle.variant_path(variant)  # a changed file is found before an hour of measuring, not in it
    before = health()
    reports, failed = _measure_all(bundle, plan, tick, measure or measure_in_child)
    skipped = (*plan.skipped, *failed)
    if not reports:
        raise DeviceError(
            f"{bundle.folder}: nothing could be measured; " + "; ".join(s.reason for s in skipped)
        )
    return BenchResult(
        schema=SCHEMA,
        bundle=bundle.name,
        created=utc_now(),
        machine=machine,
        versions=_versions(),
        photos=plan.photos,
        method=plan.method,
        rows=tuple(_row(configuration, found, plan) for configuration, found in reports.items()),
        skipped=skipped,
        before=before,
        after=health(),
    )


def measure_in_child(order: WorkOrder) -> WorkReport:
    """Run one measuring process. Raises DeviceError when it dies, EdgeclsError with its own sentence."""
    # Not `-m`: that would put the current folder first in sys.path. The child sees what this process sees.
    start = (
        "import sys; sys.path[:] = sys.argv[1:]; from edgecls.runtime.benchmark_worker import main; main()"
    )
    child = subprocess.run(
        [sys.executable, "-c", start, *sys.path],
        input=json.dumps(to_record(order)).encode(),
        capture_output=True,
        check=False,
    )
    if child.returncode != 0:
        raise DeviceError(_death(child.returncode, child.stderr.decode(errors="replace")))
    record = json.loads(child.stdout)
    if "error" in record:
        raise EdgeclsError(record["error"])
    return from_record(WorkReport, record, "work report")


def _death(code: int, said: str) -> str:
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    if -code == SIGKILL:
        return f"the measuring process {how}: usually too little memory; close other programs and try again"
    last = said.strip().splitlines()[-1:] or ["it said nothing"]
    return f"the measuring process {how} ({last[0]}); try another engine or export again"


def _measure_all(
    bundle: Bundle, plan: BenchmarkPlan, tick: Tick, measure: Measure
) -> tuple[dict[Configuration, list[WorkReport]], list[Skipped]]:
    """Round after round; the first failure of a configuration is its last turn."""
    reports: dict[Configuration, list[WorkReport]] = {c: [] for c in plan.configurations}
    failed = []
    total = len(plan.rounds) * len(plan.configurations)
    for i, photos in enumerate(plan.rounds):
        order = plan.configurations if i % 2 == 0 else plan.configurations[::-1]
        for j, configuration in enumerate(order):
            if configuration in reports:
                work = _order(bundle, configuration, photos, plan.passes)
                try:
                    reports[configuration].append(measure(work))
                except EdgeclsError as error:
                    del reports[configuration]
                    failed.append(Skipped(str(configuration), str(error)))
            tick(i * len(order) + j + 1, total)
    return reports, failed


def _order(
    bundle: Bundle, configuration: Configuration, photos: Sequence[EvaluationPhoto], passes: int
) -> WorkOrder:
    return WorkOrder(
        model=str(bundle.variant_path(configuration.variant)),
        engine=configuration.engine,
        threads=configuration.threads,
        arithmetic=configuration.arithmetic,
        labels=bundle.manifest.labels,
        preprocess=bundle.manifest.preprocess,
        temperature=bundle.manifest.confidence.temperature,
        thresholds=bundle.manifest.thresholds.values,
        photos=tuple(str(bundle.file(photo.file, photo.sha256)) for photo in photos),
        passes=passes,
    )


def _row(configuration: Configuration, reports: Sequence[WorkReport], plan: BenchmarkPlan) -> BenchRow:
    truth = [photo.label for photos in plan.rounds for photo in photos]
    answers = [answer for report in reports for answer in report.answers]
    hits = sum(answer == label for answer, label in zip(answers, truth, strict=True))
    invoke = tuple(sample for report in reports for sample in report.invoke_ms)
    frame = tuple(sample for report in reports for sample in report.frame_ms)
    variant = configuration.variant
    return BenchRow(
        file=variant.file,
        sha256=variant.sha256,
        format=variant.format,
        precision=variant.precision,
        engine=configuration.engine,
        runs_on=reports[0].runs_on,
        arithmetic=configuration.arithmetic,
        threads=configuration.threads,
        size_bytes=variant.size_bytes,
        load_ms=percentiles([report.load_ms for report in reports]).p50,
        first_ms=percentiles([report.first_ms for report in reports]).p50,
        invoke_ms=percentiles(invoke),
        frame_ms=percentiles(frame),
        top1=wilson(hits, len(truth)),
        base_memory_mb=min(report.base_memory_mb for report in reports),
        peak_memory_mb=max(report.peak_memory_mb for report in reports),
        invoke_samples_ms=invoke,
        frame_samples_ms=frame,
    )


def _versions() -> dict[str, str]:
    found = {"edgecls": __version__, "python": platform.python_version()}
    installed = {package: _version(package) for package in PACKAGES}
    return found | {package: number for package, number in installed.items() if number}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
