"""int8 of every network in both formats: what the gate says, and what the test photos say.

    edgecls study studies/every-network.toml --budget evening
    python benchmarks/int8_networks.py runs/studies/every-network-evening/runs [--csv FILE] [--out bundles/every-network]

Exports each run below the folder as `edgecls export` does by default. A network that the gate lets through in neither
format is exported once more without limits, so that its figures can be told.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgecls.errors import EdgeclsError, GateError
from edgecls.export.export import export_run
from edgecls.export.options import ExportOptions
from edgecls.manifest import Limits, Manifest, Measurement
from edgecls.progress import Announce, Tick
from edgecls.runs import DOCUMENT, read_run

COLUMNS = (
    "network", "data", "format", "gate", "float_top1", "int8_top1", "drop", "drop_low", "drop_high", "agreement",
    "decided_agreement", "decided", "mean_change", "worst_class_drop", "photos", "reason",
)  # fmt: skip
FORMATS = ("tflite", "onnx")
OPEN = Limits(max_drop=100.0, max_class_drop=100.0, min_agreement=0.0)


@contextmanager
def quiet() -> Iterator[Announce]:
    """Progress that nobody hears."""

    def announce(description: str) -> Tick:
        return lambda done, total: None

    yield announce


def export(run: Path, out: Path, limits: Limits) -> Manifest:
    record = read_run(run)
    options = ExportOptions(limits=limits, evaluation_photos=1)
    return export_run(
        run, record, options, bundles=out, name=run.name, force=True, progress=quiet
    ).bundle.manifest


def rows_of(run: Path, out: Path) -> list[dict[str, str]]:
    """A row for each format."""
    try:
        manifest, refused = export(run, out, Limits()), ""
    except GateError as error:
        manifest, refused = export(run, out, OPEN), str(error)
    return [_row(manifest, format, refused) for format in FORMATS]


def _row(manifest: Manifest, format: str, refused: str) -> dict[str, str]:
    names = {"network": manifest.network, "data": manifest.origin.data, "format": format}
    variants = {variant.key: variant for variant in manifest.variants}
    rejected = {f"{one.format} {one.precision}": one for one in manifest.rejected}
    key = f"{format} int8"
    if key in variants:
        base = variants[f"{format} float32"].test
        verdict = "refused" if refused else "passed"
        return names | {"gate": verdict, "reason": refused} | _figures(variants[key].test, base)
    reason = rejected[key].reason if key in rejected else "not made"
    gate = rejected[key].gate if key in rejected else None
    return names | {"gate": "refused", "reason": reason} | (_figures(gate, None) if gate else {})


def _figures(found: Measurement, base: Measurement | None) -> dict[str, str]:
    a = found.agreement
    top1 = base.top1.value if base else found.top1.value + a.drop
    return {
        "float_top1": f"{100 * top1:.2f}",
        "int8_top1": f"{100 * found.top1.value:.2f}",
        "drop": f"{100 * a.drop:.2f}",
        "drop_low": f"{100 * a.drop_low:.2f}",
        "drop_high": f"{100 * a.drop_high:.2f}",
        "agreement": f"{100 * a.overall:.2f}",
        "decided_agreement": f"{100 * a.decided:.2f}",
        "decided": str(a.n_decided),
        "mean_change": f"{a.mean_change:.5f}",
        "worst_class_drop": f"{100 * a.worst_class.drop:.1f}",
        "photos": found.photos,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("runs", type=Path, help="folder of training runs")
    parser.add_argument("--out", type=Path, default=Path("bundles/every-network"))
    parser.add_argument("--csv", type=Path, help="write the figures here, a row for each network and format")
    options = parser.parse_args()
    rows = []
    for document in sorted(options.runs.glob(f"*/{DOCUMENT}")):
        try:
            made = rows_of(document.parent, options.out)
        except EdgeclsError as error:
            print(f"{document.parent.name}: {error}", flush=True)
            continue
        rows += made
        for row in made:
            print(" | ".join(row.get(column, "") for column in COLUMNS), flush=True)
        if options.csv:
            with options.csv.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, COLUMNS, restval="")
                writer.writeheader()
                writer.writerows(rows)
    passed = {
        name: {row["network"] for row in rows if row["format"] == name and row["gate"] == "passed"}
        for name in FORMATS
    }
    print(f"{len(passed['tflite'] & passed['onnx'])} of {len(rows) // 2} networks pass in both formats")


if __name__ == "__main__":
    main()
