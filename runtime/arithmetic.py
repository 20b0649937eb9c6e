"""Arithmetic: whether a model's int8 sums can be trusted to a machine's fast kernels."""

from __future__ import annotations

from edgecls.machine import Machine


def arithmetic_for(format: str, precision: str, machine: Machine) -> str:
    """How a variant must be computed here: "native" or "exact". Run, bench, verify and export all ask this.

    ONNX Runtime's int8 kernels for x86 without VNNI sum pairs of products in saturating 16 bits; full-range
    weights then lose up to 7 points of top-1. Such a variant is computed exactly there. "int8-avx2" has
    weights of 7 bits that cannot saturate, and XNNPACK's kernels for TFLite sum in 32 bits everywhere.
    """
    full_range = format == "onnx" and precision == "int8"
    return "exact" if full_range and machine.saturates else "native"
