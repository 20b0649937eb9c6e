"""Why int8 is slower than float where it is: one sentence for each variant, from the benchmark itself."""

from __future__ import annotations

from edgecls.machine import Machine
from edgecls.runtime.benchmark_result import BenchResult, BenchRow

FLOAT = "float32"
NOISE = 1.03  # medians closer than this are the same speed


def explain_int8(result: BenchResult) -> list[str]:
    """One sentence for each int8 variant and engine whose best median invoke is slower than float32's.

    Compared is the best thread count of each, on the same engine; an int8 variant without a float32
    beside it is passed over.
    """
    best = _best(result)
    sentences = []
    for (file, engine), row in best.items():
        base = next((r for (_, e), r in best.items() if e == engine and _is_float_of(r, row)), None)
        if row.precision.startswith("int8") and base is not None and _is_slower(row, base):
            sentences.append(_sentence(file, row, base, result.machine))
    return sentences


def _best(result: BenchResult) -> dict[tuple[str, str], BenchRow]:
    """For each file and engine, the row with the shortest median invoke."""
    best: dict[tuple[str, str], BenchRow] = {}
    for row in result.rows:
        key = (row.file, row.engine)
        if key not in best or row.invoke_ms.p50 < best[key].invoke_ms.p50:
            best[key] = row
    return best


def _is_float_of(row: BenchRow, other: BenchRow) -> bool:
    return row.precision == FLOAT and row.format == other.format


def _is_slower(row: BenchRow, base: BenchRow) -> bool:
    return row.invoke_ms.p50 > NOISE * base.invoke_ms.p50


def _sentence(file: str, row: BenchRow, base: BenchRow, machine: Machine) -> str:
    return (
        f"{file} on {row.engine} is slower than float32 on {machine.model} "
        f"(median invoke {row.invoke_ms.p50:.1f} ms with {_threads(row)} against {base.invoke_ms.p50:.1f} ms "
        f"with {_threads(base)}): {_reason(row, machine)}."
    )


def _threads(row: BenchRow) -> str:
    return "1 thread" if row.threads == 1 else f"{row.threads} threads"


def _reason(row: BenchRow, machine: Machine) -> str:
    if row.arithmetic == "exact":
        return (
            "it runs in exact arithmetic, because this processor's fast int8 sums saturate in 16 bits; graph "
            "optimisations are off, and every value is rounded to 8 bits and widened to float again"
        )
    if machine.int8_dot == "saturating":
        return (
            "x86 without VNNI has no 8-bit dot product, so the kernels widen 8-bit values to 16 bits and sum "
            "them in several steps, while float has one fused multiply-add; int8 still saves size and memory"
        )
    if machine.int8_dot == "neon":
        return (
            "this Arm core has no 8-bit dot product (dotprod came with Armv8.2), so the kernels widen 8-bit "
            "values before they sum them; int8 still saves size and memory"
        )
    return (
        f"the processor has an 8-bit dot product ({machine.int8_dot}), so the reason lies in the model: "
        "usually operators without an int8 kernel, such as PReLU or SPACE_TO_BATCH_ND, that cut the graph "
        "into parts"
    )
