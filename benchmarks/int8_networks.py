"""int8 of every network in both formats: what the gate says, and what the test photos say.

    edgecls study studies/every-network.toml --budget evening
    python benchmarks/int8_networks.py runs/studies/every-network-evening/runs [--csv FILE] [--out bundles/every-network]

Exports each run below the folder as `edgecls export` does by default. Of a network that the gate lets through in neither
format, the figures are those of the gate's photos. With --csv, runs whose rows are there already are not exported again.
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
from edgecls.export.refused import DOCUMENT as REFUSED
from edgecls.export.refused import SUFFIX
from edgecls.files import read_json
from edgecls.manifest import Manifest, Measurement, Rejected
from edgecls.progress import Announce, Tick
from edgecls.records import from_record
from edgecls.runs import DOCUMENT, RunRecord, read_run

COLUMNS = (
    "network", "data", "format", "gate", "rung", "float_top1", "int8_top1", "drop", "drop_low", "drop_high",
    "agreement", "decided_agreement", "decided", "mean_change", "worst_class_drop", "photos", "reason", "run",
)  # fmt: skip
FORMATS = ("tflite", "onnx")
Row = dict[str, str]


@contextmanager
def quiet() -> Iterator[Announce]:
    """Progress that nobody hears."""

    def announce(description: str) -> Tick:
        return lambda done, total: None

    yield announce


def rows_of(run: Path, out: Path) -> list[Row]:
    """A row for each format."""
    record = read_run(run)
    options = ExportOptions(evaluation_photos=1)
    try:
        made = export_run(run, record, options, bundles=out, name=run.name, force=True, progress=quiet)
    except GateError:
        kept = out / f"{run.name}{SUFFIX}" / REFUSED
        rejected = [from_record(Rejected, one, str(kept)) for one in read_json(kept)]
        return [_refused(record, one) for one in rejected]
    manifest = made.bundle.manifest
    passed = {variant.format for variant in manifest.variants if variant.precision == "int8"}
    rows = [_passed(record, manifest, format) for format in FORMATS if format in passed]
    return rows + [_refused(record, one) for one in manifest.rejected]


def _passed(record: RunRecord, manifest: Manifest, format: str) -> Row:
    variants = {variant.key: variant for variant in manifest.variants}
    (rung,) = (one.name for one in manifest.rungs if one.taken and one.format == format)
    base = variants[f"{format} float32"].test
    found = _figures(variants[f"{format} int8"].test, base.top1.value)
    return _names(record, format) | {"gate": "passed", "rung": rung, "reason": ""} | found


def _refused(record: RunRecord, rejected: Rejected) -> Row:
    gate = rejected.gate
    found = _figures(gate, gate.top1.value + gate.agreement.drop) if gate else {}
    return (
        _names(record, rejected.format) | {"gate": "refused", "rung": "", "reason": rejected.reason} | found
    )


def _names(record: RunRecord, format: str) -> Row:
    return {
        "network": record.config.network, "data": record.data_name, "format": format, "run": record.inputs_digest[:12],
    }  # fmt: skip


def _figures(found: Measurement, float_top1: float) -> Row:
    a = found.agreement
    return {
        "float_top1": f"{100 * float_top1:.2f}",
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


def _known(path: Path | None) -> list[Row]:
    if path is None or not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _write(path: Path, rows: list[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("runs", type=Path, help="folder of training runs")
    parser.add_argument("--out", type=Path, default=Path("bundles/every-network"))
    parser.add_argument("--csv", type=Path, help="write the figures here, a row for each network and format")
    options = parser.parse_args()
    rows = _known(options.csv)
    known = {row["run"] for row in rows}
    for document in sorted(options.runs.glob(f"*/{DOCUMENT}")):
        try:
            if read_run(document.parent).inputs_digest[:12] in known:
                continue
            made = rows_of(document.parent, options.out)
        except EdgeclsError as error:
            print(f"{document.parent.name}: {error}", flush=True)
            continue
        rows += made
        for row in made:
            print(" | ".join(row.get(column, "") for column in COLUMNS), flush=True)
        if options.csv:
            _write(options.csv, rows)
    passed = {
        name: {row["network"] for row in rows if row["format"] == name and row["gate"] == "passed"}
        for name in FORMATS
    }
    print(f"{len(passed['tflite'] & passed['onnx'])} of {len(rows) // 2} networks pass in both formats")


if __name__ == "__main__":
    main()
