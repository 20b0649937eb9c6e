"""The variants of a bundle as tables: what is in it, what the gate left out, where it all comes from."""

from __future__ import annotations

from edgecls.manifest import Manifest, Measurement, Variant
from edgecls.reporting.page import Table
from edgecls.reporting.wording import (
    describe_confidence,
    describe_thresholds,
    describe_unquantized,
    drop_with_interval,
    machine_line,
    megabytes,
    percent,
    percent_with_interval,
)

COLUMNS = (
    "variant",
    "measured by",
    "size",
    "top-1, gate",
    "top-1, test",
    "agreement",
    "drop, points",
    "sha256",
)
DIGEST = 12  # characters of a digest that are shown


def variants_table(manifest: Manifest) -> Table:
    """Every variant in the bundle with its accuracy on the photos of the gate and of the test."""
    return Table(COLUMNS, tuple(_cells(variant) for variant in manifest.variants), left=2)


def _cells(variant: Variant) -> tuple[str, ...]:
    agreement = variant.test.agreement
    reference = variant.precision == "float32"
    return (
        variant.key,
        f"{variant.test.engine}, {variant.test.arithmetic} arithmetic",
        megabytes(variant.size_bytes),
        percent_with_interval(variant.gate.top1),
        percent_with_interval(variant.test.top1),
        "reference" if reference else f"{percent(agreement.decided)} of {agreement.n_decided}",
        "" if reference else drop_with_interval(agreement),
        variant.sha256[:DIGEST],
    )


def rejected_table(manifest: Manifest) -> Table | None:
    """What was made and left out, with the reason; None when nothing was."""
    rows = tuple((f"{r.format} {r.precision}", _rejected_top1(r.gate), r.reason) for r in manifest.rejected)
    return Table(("variant", "top-1, gate", "reason"), rows, left=3) if rows else None


def rungs_table(manifest: Manifest) -> Table | None:
    """What each way to int8 gave; None where the first did for all."""
    if not any(rung.reason for rung in manifest.rungs):
        return None
    rows = tuple(
        (
            f"{r.format} {r.precision}",
            r.name,
            r.reason or "within the gate",
            _rejected_top1(r.gate),
            *_changes(r.gate),
        )
        for r in manifest.rungs
    )
    columns = ("variant", "rung", "what the gate says", "top-1, gate", "agreement", "mean change")
    return Table(columns, rows, left=3)


def thresholds_table(manifest: Manifest) -> Table | None:
    """How sure an answer of each class must be; None where every answer counts."""
    values = manifest.thresholds.values
    if not any(values):
        return None
    rows = tuple((label, _above(value)) for label, value in zip(manifest.labels, values, strict=True))
    return Table(("class", "answered above"), rows)


def _above(threshold: float) -> str:
    return {0.0: "always", 1.0: "never"}.get(threshold, percent(threshold))


def _changes(gate: Measurement | None) -> tuple[str, str]:
    """Agreement over the photos that float decides, and the mean change of a probability."""
    if gate is None:
        return "", ""
    return percent(gate.agreement.decided), f"{gate.agreement.mean_change:.4f}"


def _rejected_top1(gate: Measurement | None) -> str:
    return percent_with_interval(gate.top1) if gate else "not measured"


def _gate(manifest: Manifest) -> str:
    where = f", on {manifest.variants[0].gate.photos}" if manifest.variants else ""
    limits = manifest.limits
    return (
        f"at most {limits.max_drop:g} points of top-1 below float, {limits.max_class_drop:g} in any class, "
        f"{100 * limits.min_agreement:g} % of decided photos answered alike{where}"
    )


def origin_facts(manifest: Manifest) -> tuple[tuple[str, str], ...]:
    """Name and value of everything that made this bundle what it is."""
    calibration, p, origin = manifest.calibration, manifest.preprocess, manifest.origin
    calibrated = (
        f"{calibration.photos} photos of the {calibration.split} split, {calibration.method}, "
        f"seed {calibration.seed}, digest {calibration.digest[:DIGEST]}"
        + "".join(f"; {warning}" for warning in calibration.warnings)
        if calibration
        else "none: no int8 variant needed it"
    )
    in_float = [describe_unquantized(rung) for rung in manifest.rungs if rung.taken and rung.unquantized]
    return (
        ("network", manifest.network),
        ("classes", f"{len(manifest.labels)}: {', '.join(manifest.labels)}"),
        (
            "input",
            f"{p.width}x{p.height} {p.colour_order.value}, {p.crop.value} crop, {p.interpolation.value}",
        ),
        ("calibration", calibrated),
        *(("in float", sentence) for sentence in in_float),
        ("int8 made for", manifest.target or "any board, and this machine"),
        ("gate", _gate(manifest)),
        ("confidence", describe_confidence(manifest.confidence).removeprefix("confidence: ")),
        ("thresholds", describe_thresholds(manifest).removeprefix("thresholds: ")),
        ("trained from", f"{origin.data}, run {origin.run}, digest {origin.inputs_digest[:DIGEST]}"),
        ("trained model", f"sha256 {origin.model_sha256[:DIGEST]}"),
        (
            "bundle",
            f"digest {manifest.inputs_digest[:DIGEST]}, {manifest.created[:19].replace('T', ' ')} UTC",
        ),
        ("exported on", machine_line(manifest.machine)),
        ("versions", ", ".join(f"{name} {number}" for name, number in sorted(manifest.versions.items()))),
    )
