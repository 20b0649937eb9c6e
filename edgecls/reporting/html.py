"""The three pages edgecls makes: of a benchmark, of a training run, and of a bundle with both."""

from __future__ import annotations

from edgecls.bundle import Bundle
from edgecls.manifest import Manifest
from edgecls.reporting.bench_sections import bench_sections, row_tile
from edgecls.reporting.bundle_sections import bundle_sections, device_section, headline, variant_tiles
from edgecls.reporting.changed_photos import changed_section
from edgecls.reporting.page import Page, render
from edgecls.reporting.training_report import TrainingReport
from edgecls.reporting.training_sections import training_sections, training_tiles
from edgecls.reporting.wording import milliseconds, percent, threads
from edgecls.runtime.benchmark_result import BenchResult, fastest


def bench_page(result: BenchResult, manifest: Manifest | None = None) -> str:
    """HTML of one benchmark; the manifest, where at hand, adds what the bundle says about its variants."""
    best = min(result.rows, key=lambda row: row.frame_ms.p50)
    page = Page(
        kind="Benchmark",
        title=result.bundle,
        headline=(
            f"Fastest: {best.key}, {milliseconds(best.frame_ms.p50)} ms a frame, {threads(best.threads)}, "
            f"at {percent(best.top1.value)} top-1, on {result.machine.model}"
        ),
        tiles=tuple(row_tile(row) for row in fastest(result.rows).values()),
        sections=(*bench_sections(result), *bundle_sections(manifest)),
    )
    return render(page)


def training_page(report: TrainingReport) -> str:
    """HTML of one training run."""
    page = Page(
        kind="Training run",
        title=report.title,
        headline=f"{percent(report.top1.value)} top-1 on {report.top1.n} {report.photos}",
        tiles=training_tiles(report),
        sections=training_sections(report),
    )
    return render(page)


def bundle_page(bundle: Bundle, bench: BenchResult | None, training: TrainingReport | None) -> str:
    """HTML of a bundle: the result first, then everything behind it. What was not made is left out.

    Raises ModelError when a photo that it shows was changed.
    """
    manifest = bundle.manifest
    page = Page(
        kind="Bundle",
        title=manifest.name,
        headline=headline(manifest, bench),
        tiles=variant_tiles(manifest, bench),
        sections=(
            *bench_sections(bench),
            *bundle_sections(manifest),
            changed_section(bundle),
            *(training_sections(training) if training else ()),
            device_section(manifest),
        ),
    )
    return render(page)
