"""`edgecls inspect`: what a bundle or a single model file holds, and how it wants to be fed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgecls.cli.console import out, print_json, print_table, say

if TYPE_CHECKING:
    from edgecls.bundle import Bundle
    from edgecls.runtime.inspection import Inspection
    from edgecls.runtime.model_file import Card
    from edgecls.tensors import TensorSpec

SCHEMA = 2
WHAT = "Bundle (folder or name below ./bundles), or one .tflite or .onnx; by default the newest bundle."


def command(
    what: Annotated[str | None, typer.Argument(metavar="[BUNDLE|FILE]", help=WHAT)] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Show labels, input and output, size, digest, operators, and whether int8 is really int8."""
    from edgecls.bundle import Bundle, find_bundle
    from edgecls.runtime.inspection import inspect_bundle, inspect_file
    from edgecls.runtime.selection import MODEL_SUFFIXES

    if what is not None and Path(what).suffix in MODEL_SUFFIXES:
        _report(None, (inspect_file(Path(what)),), (), json=json)
        return
    bundle = Bundle.open(find_bundle(what))
    say(f"using {bundle.folder}")
    _report(bundle, *inspect_bundle(bundle), json=json)


def _report(
    bundle: Bundle | None, seen: tuple[Inspection, ...], skipped: tuple[str, ...], *, json: bool
) -> None:
    if json:
        name = bundle.name if bundle else None
        files = [_record(one) for one in seen]
        print_json({"schema": SCHEMA, "bundle": name, "files": files, "skipped": list(skipped)})
        return
    if bundle:
        _print_bundle(bundle)
    for one in seen:
        _print_file(one)
    for reason in skipped:
        say(f"skipped {reason}")


def _record(one: Inspection) -> dict[str, Any]:
    from edgecls.records import to_record

    return {
        **to_record(one),
        "path": str(one.path),
        "input_formula": one.input_formula,
        "arithmetic": one.arithmetic,
    }


def _print_bundle(bundle: Bundle) -> None:
    m = bundle.manifest
    origin = f"made {m.created[:19]} from {m.origin.run}"
    out.print(f"{m.name}: {m.network}, {len(m.labels)} classes, {origin}", markup=False)
    rows = [
        [v.key, f"{v.test.top1.value:.1%}", f"{v.test.agreement.overall:.1%}", f"{v.size_bytes / 1e6:.2f}"]
        for v in m.variants
    ]
    print_table("Variants", ["variant", "top-1", "agrees with float", "MB"], rows)
    for rejected in m.rejected:
        say(f"left out {rejected.format} {rejected.precision}: {rejected.reason}")


def _print_file(one: Inspection) -> None:
    lines = [f"{name:14} {value}" for name, value in _facts(one).items()]
    out.print("\n".join(["", str(one.path), *lines]), markup=False)


def _facts(one: Inspection) -> dict[str, str]:
    from edgecls.runtime.inspection import describe_delegation

    card, p = one.card, one.card.preprocess
    facts = {
        "format": f"{one.format} {card.precision}",
        "network": card.network,
        "labels": f"{len(card.labels)}: {', '.join(card.labels)}",
        "preprocess": f"{p.crop.value} crop to {p.width}x{p.height}, {p.interpolation.value}",
        "colour order": p.colour_order.value,
        "input": _tensor(one.input),
        "input formula": one.input_formula,
        "output": _tensor(one.output),
        "computes in": one.arithmetic,
        "temperature": f"{card.temperature:.2f}",
        "thresholds": _thresholds(card),
        "size": f"{one.size_bytes / 1e6:.2f} MB",
        "sha256": one.sha256,
        "engine": one.engine,
    }
    if one.operators:
        counts = ", ".join(f"{n} {name}" for name, n in one.operators.counts.items())
        facts["operators"] = f"{one.operators.total}: {counts}"
        facts["XNNPACK"] = describe_delegation(one.operators)
    return facts


def _thresholds(card: Card) -> str:
    """How sure an answer of each class must be, where that is not 0 for all of them."""
    if not any(card.thresholds):
        return "none, every answer counts"
    pairs = zip(card.labels, card.thresholds, strict=True)
    return ", ".join(f"{label} {threshold:.1%}" for label, threshold in pairs)


def _tensor(spec: TensorSpec) -> str:
    shape = "x".join(str(side) for side in spec.shape)
    scaled = f", scale {spec.scale:.9g}, zero point {spec.zero_point}" if spec.is_quantized else ""
    return f"{spec.dtype} {shape}{scaled}"
