"""The demo's run and export over several seeds: top-1 of float and int8 on the test photos, and the times.

    python benchmarks/head_seeds.py [--data data/groceries] [--seeds 5] [--csv FILE]

The photos must have been unpacked by `edgecls demo`. Runs and bundles go to a temporary folder.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgecls.devices.detect import detect_machine


@dataclass(frozen=True)
class SeedResult:
    """One seed: top-1 on the test photos and agreement on decided ones in percent, drops in points, and seconds.

    The gate is left open (--max-drop 100) so that every seed is measured; the drops say what it would have seen.
    """

    seed: int
    float_top1: float
    tflite_int8_top1: float
    onnx_int8_top1: float
    tflite_gate_drop: float
    onnx_gate_drop: float
    tflite_decided: float
    onnx_decided: float
    test_photos: int
    train_s: float
    export_s: float


def main() -> None:
    """Measure the seeds, print each and the mean with its spread."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/groceries"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--csv", type=Path)
    asked = parser.parse_args()
    machine = detect_machine()
    print(f"{asked.data}, efficientnet_lite0, head, 4 views, on {machine.model}, {machine.cores} cores")
    with tempfile.TemporaryDirectory() as folder:
        results = [measure(seed, asked.data.resolve(), Path(folder)) for seed in range(asked.seeds)]
    for name in (
        "float_top1",
        "tflite_int8_top1",
        "onnx_int8_top1",
        "tflite_decided",
        "onnx_decided",
        "train_s",
        "export_s",
    ):
        values = [getattr(result, name) for result in results]
        print(
            f"{name}: mean {statistics.mean(values):.2f}, standard deviation {statistics.stdev(values):.2f}"
        )
    if asked.csv:
        write_csv(asked.csv, results)


def measure(seed: int, data: Path, folder: Path) -> SeedResult:
    """Train and export one seed with the commands a user types."""
    started = time.monotonic()
    edgecls(folder, "train", str(data), "--augment", "4", "--seed", str(seed), "--name", f"seed-{seed}")
    trained = time.monotonic()
    manifest = edgecls(
        folder,
        "export",
        f"runs/seed-{seed}",
        "--int8",
        "--max-drop",
        "100",
        "--max-class-drop",
        "100",
        "--min-agreement",
        "0",
        "--name",
        f"seed-{seed}",
    )
    variants = {f"{v['format']} {v['precision']}": v for v in manifest["variants"]}
    top1 = {f"{v['format']} {v['precision']}": 100 * v["test"]["top1"]["value"] for v in manifest["variants"]}
    result = SeedResult(
        seed=seed,
        float_top1=round(top1["tflite float32"], 2),
        tflite_int8_top1=round(top1.get("tflite int8", float("nan")), 2),
        onnx_int8_top1=round(top1.get("onnx int8", float("nan")), 2),
        tflite_gate_drop=round(100 * variants["tflite int8"]["gate"]["agreement"]["drop"], 2),
        onnx_gate_drop=round(100 * variants["onnx int8"]["gate"]["agreement"]["drop"], 2),
        tflite_decided=round(100 * variants["tflite int8"]["test"]["agreement"]["decided"], 2),
        onnx_decided=round(100 * variants["onnx int8"]["test"]["agreement"]["decided"], 2),
        test_photos=manifest["variants"][0]["test"]["top1"]["n"],
        train_s=round(trained - started, 1),
        export_s=round(time.monotonic() - trained, 1),
    )
    print(result, flush=True)
    return result


def edgecls(folder: Path, *words: str) -> dict[str, Any]:
    """Run one verb in `folder` and read its JSON."""
    command = [sys.executable, "-c", "from edgecls.cli.app import main; main()", *words, "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"edgecls {' '.join(words)} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def write_csv(path: Path, results: list[SeedResult]) -> None:
    """A row a seed."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, fieldnames=list(asdict(results[0])), lineterminator="\n")
        rows.writeheader()
        rows.writerows(asdict(result) for result in results)


if __name__ == "__main__":
    main()
