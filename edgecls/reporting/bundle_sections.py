"""What a page says about a bundle: the result in one line, its variants, what was left out, how to run it."""

from __future__ import annotations

from edgecls.manifest import Manifest, Variant, int8_first
from edgecls.reporting.page import Code, Facts, Prose, Section, Tile
from edgecls.reporting.variants import (
    origin_facts,
    rejected_table,
    rungs_table,
    thresholds_table,
    variants_table,
)
from edgecls.reporting.wording import interval, megabytes, milliseconds, percent, threads
from edgecls.runtime.benchmark_result import BenchResult, fastest

ON_A_DEVICE = (
    "The bundle is all the device needs: copy it, install edgecls without extras in a checkout of its own, "
    "check that the device gives the answers that were measured here, measure it there, run it."
)
VARIANTS_NOTE = (
    "Drop: float32 minus this variant on the same test photos, in points, with the 95 % interval of paired "
    "proportions. Agreement: share of the same answers among the photos that float decides with a margin of "
    "at least 0.1. Choices were made on the gate's photos; the test photos were read once, at the end."
)
RUNGS_NOTE = (
    "The first has everything but the logits in int8; each further one leaves one more block of the network in float, "
    "beginning where int8 hurts most. The first within the gate is taken. Agreement: over photos that float decides."
)
THRESHOLDS_NOTE = (
    "Confidence after temperature that an answer must exceed, else it is unknown. Photos of the classes say nothing of "
    "what belongs to none of them."
)


def headline(manifest: Manifest, bench: BenchResult | None) -> str:
    """Accuracy float against int8, size, and latency on the machine that is named."""
    small, base = _main_variant(manifest), _float_variant(manifest)
    if small is None:
        return f"{len(manifest.labels)} classes, no variant passed the gate"
    accuracy = f"Top-1 {percent(small.test.top1.value)}"
    size = megabytes(small.size_bytes)
    if base is not None and base is not small:
        after = percent(small.test.top1.value)
        accuracy = f"Top-1 {percent(base.test.top1.value)} in float, {after} in {small.precision}"
        size = f"{megabytes(base.size_bytes)} down to {size}"
    row = fastest(bench.rows).get(small.sha256) if bench else None
    if bench is None or row is None:
        return f"{accuracy}; {size}; not yet timed"
    latency = f"{milliseconds(row.frame_ms.p50)} ms a frame on {bench.machine.model}, {threads(row.threads)}"
    return f"{accuracy}; {size}; {latency}"


def _main_variant(manifest: Manifest) -> Variant | None:
    return min(manifest.variants, key=lambda v: int8_first(v.format, v.precision), default=None)


def _float_variant(manifest: Manifest) -> Variant | None:
    floats = [v for v in manifest.variants if v.precision == "float32"]
    return min(floats, key=lambda v: v.format != "tflite") if floats else None


def variant_tiles(manifest: Manifest, bench: BenchResult | None) -> tuple[Tile, ...]:
    rows = fastest(bench.rows) if bench else {}
    tiles = []
    for variant in manifest.variants:
        row = rows.get(variant.sha256)
        timed = f", {milliseconds(row.frame_ms.p50)} ms" if row else ""
        note = f"{interval(variant.test.top1)}; {megabytes(variant.size_bytes)}{timed}"
        tiles.append(Tile(f"{variant.key}, test top-1", percent(variant.test.top1.value), note))
    return tuple(tiles)


def bundle_sections(manifest: Manifest | None) -> tuple[Section, ...]:
    if manifest is None:
        return ()
    rejected, rungs = rejected_table(manifest), rungs_table(manifest)
    thresholds = thresholds_table(manifest)
    return (
        Section("The model files", (variants_table(manifest), Prose(VARIANTS_NOTE))),
        Section("Left out by the gate", (rejected,) if rejected else ()),
        Section("Ways to int8 that were tried", (Prose(RUNGS_NOTE), rungs) if rungs else ()),
        Section("When an answer counts", (Prose(THRESHOLDS_NOTE), thresholds) if thresholds else ()),
        Section("Where it comes from", (Facts(origin_facts(manifest)),)),
    )


def device_section(manifest: Manifest) -> Section:
    """How to take this bundle to a device, as commands."""
    return Section("On a device", (Prose(ON_A_DEVICE), Code(_device_commands(manifest))))


def _device_commands(manifest: Manifest) -> str:
    folder = f"bundles/{manifest.name}"
    return "\n".join(
        (
            f"scp -r {folder} DEVICE:edgecls/bundles/",
            "# on the device, in edgecls/",
            "pip install .",
            f"edgecls verify {folder}",
            f"edgecls bench {folder}",
            "edgecls run --camera 0",
        )
    )
