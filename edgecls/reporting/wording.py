"""How reports write figures: shares with their interval, sizes, times, and the machine behind them."""

from __future__ import annotations

from edgecls.devices.health import Health
from edgecls.machine import Machine
from edgecls.manifest import Confidence, Manifest, Rung, int8_first
from edgecls.metrics import Agreement, Proportion

INT8_DOT = {
    "vnni": "int8 dot product: VNNI",
    "dotprod": "int8 dot product: dotprod",
    "neon": "no int8 dot product (NEON)",
    "saturating": "no int8 dot product (sums saturate)",
}


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def interval(share: Proportion) -> str:
    """The 95 % interval of a share, e.g. "75.2–81.5"."""
    return f"{100 * share.low:.1f}–{100 * share.high:.1f}"


def percent_with_interval(share: Proportion) -> str:
    return f"{percent(share.value)} ({interval(share)})"


def points(drop: float) -> str:
    """A difference of two shares in percentage points, signed: a minus says that something was gained."""
    rounded = round(100 * drop, 1) + 0.0  # no "-0.0"
    return f"{rounded:+.1f}".replace("-", "−") if rounded else "0.0"


def drop_with_interval(agreement: Agreement) -> str:
    """What the variant loses against float, in points, with the paired 95 % interval."""
    low, high = points(agreement.drop_low), points(agreement.drop_high)
    return f"{points(agreement.drop)} ({low} to {high})"


def megabytes(size_bytes: int) -> str:
    """A file's size, MB of 10^6 bytes; small ones in kB."""
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 1e6 else f"{size_bytes / 1e3:.0f} kB"


def milliseconds(value: float) -> str:
    """Three significant digits, so that 0.235 and 1650 read equally well."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def machine_line(machine: Machine) -> str:
    """The machine in one line: board, processor, cores, memory, how it sums int8, system."""
    parts = [
        machine.model,
        machine.processor if machine.processor != machine.model else "",
        machine.architecture,
        "1 core" if machine.cores == 1 else f"{machine.cores} cores",
        f"{machine.memory_mb / 1024:.1f} GiB",
        INT8_DOT.get(machine.int8_dot, f"int8 dot product: {machine.int8_dot}"),
        machine.system,
        f"Python {machine.python}",
    ]
    return ", ".join(part for part in parts if part)


def describe_confidence(confidence: Confidence) -> str:
    """The temperature, where it comes from, and what it does on the test photos."""
    return (
        f"confidence: temperature {confidence.temperature:.2f} ({confidence.fitted}); expected calibration error on "
        f"the test photos {percent(confidence.error_before)} before, {percent(confidence.error)} after"
    )


def describe_thresholds(manifest: Manifest) -> str:
    """What thresholds are for, where they come from, and what they leave of the test photos."""
    found = manifest.thresholds
    top1 = [v.test.top1 for v in sorted(manifest.variants, key=lambda v: int8_first(v.format, v.precision))]
    without = f", without thresholds {percent(top1[0].value)}" if top1 else ""
    right = f"{percent_with_interval(found.right)} of those answers are" if found.right else "none of them"
    return (
        f"thresholds: answers above them should be right at least {percent(found.precision)} of the time "
        f"({found.fitted}); on the test photos {percent(found.answered.value)} are answered and {right} right{without}"
    )


def describe_unquantized(rung: Rung) -> str:
    """What an int8 file computes in float unasked, of a rung where that is something."""
    kinds = ", ".join(rung.unquantized)
    return f"{rung.format} {rung.precision}: the quantizer has no int8 form of {kinds}, which stay in float"


def health_line(before: Health, after: Health) -> str:
    """Temperature, clock and throttling around the measurement; "" where the machine tells nothing."""
    parts = [
        _span("temperature", before.temperature_c, after.temperature_c, "°C"),
        _span("clock", before.clock_mhz, after.clock_mhz, "MHz"),
        "" if after.throttled is None else f"throttled: {'yes' if after.throttled else 'no'}",
    ]
    return ", ".join(part for part in parts if part)


def _span(what: str, before: float | None, after: float | None, unit: str) -> str:
    if before is None or after is None:
        return ""
    return f"{what} {before:.0f} → {after:.0f} {unit}"
