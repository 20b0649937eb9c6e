"""Every usual way to int8 beside edgecls': accuracy, agreement with float, latency, time to make, in one run.

    python benchmarks/compare_int8.py RUN [--calibration N] [--rounds 5] [--threads 2] [--csv FILE]

RUN is a training run. Each way gets the same calibration photos and the library's defaults (see int8_ways.py), is
judged on the run's test photos, and takes its turn at latency: a round times every file on the same pictures, so that a
drift of the machine meets all alike. NNCF's row needs the extra `compare`. Where the machine's ONNX kernels saturate,
such a file has a second row in exact arithmetic.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from int8_ways import Work, convert_plainly, quiet, ways

from edgecls.calibration.selection import choose_calibration
from edgecls.data import Loaded, load_pixels
from edgecls.devices.detect import detect_machine
from edgecls.export.candidates import make_float
from edgecls.metrics import Agreement, Probabilities, Proportion, compare, top1
from edgecls.preprocess import Pixels
from edgecls.runs import find_run, read_run, recall_data, run_model
from edgecls.runtime.engine import Engine, open_engine
from edgecls.runtime.timing import elapsed_ms, monotonic

TIMED_PICTURES = 50


@dataclass
class Row:
    """One file's figures; `seconds` is what making it took, from the float file on where there is one."""

    name: str
    path: Path
    arithmetic: str
    seconds: float
    top1: Proportion
    agreement: Agreement
    samples_ms: list[float] = field(default_factory=list)

    def cells(self) -> list[str]:
        a = self.agreement
        return [
            self.name,
            self.arithmetic,
            f"{100 * self.top1.value:.1f}",
            f"{100 * a.overall:.1f}",
            f"{100 * a.decided:.1f}",
            f"{a.mean_change:.4f}",
            f"{np.median(self.samples_ms):.2f}" if self.samples_ms else "",
            f"{self.seconds:.0f}",
        ]


COLUMNS = (
    "way", "arithmetic", "top-1 %", "agreement %", "of decided %", "mean change", "ms", "seconds to make",
)  # fmt: skip


def answers(engine: Engine, pixels: Pixels) -> Probabilities:
    return np.concatenate([engine.run(pixels[start : start + 16]) for start in range(0, len(pixels), 16)])


def measure(
    name: str, path: Path, test: Loaded, reference: Probabilities | None, work: Work, seconds: float
) -> list[Row]:
    """A row, and a second one in exact arithmetic where the machine's own saturates."""
    saturates = work.machine.saturates and path.suffix == ".onnx" and reference is not None
    rows = []
    for arithmetic in ["native", "exact"] if saturates else ["native"]:
        engine = open_engine(path, threads=work.threads, arithmetic=arithmetic)
        found = answers(engine, test.pixels)
        engine.close()
        base = found if reference is None else reference
        rows.append(
            Row(name, path, arithmetic, seconds, top1(found, test.truth), compare(base, found, test.truth))
        )
    return rows


def time_rows(rows: list[Row], pixels: Pixels, *, rounds: int, threads: int) -> None:
    """Fill in `samples_ms` of the rows in native arithmetic, in turns."""
    timed = [(row, open_engine(row.path, threads=threads)) for row in rows if row.arithmetic == "native"]
    for number in range(rounds + 1):  # the first round warms up
        for row, engine in timed:
            for picture in pixels:
                start = monotonic()
                engine.run(picture[np.newaxis])
                if number:
                    row.samples_ms.append(elapsed_ms(start, monotonic()))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("run", help="folder or name of a training run")
    parser.add_argument("--calibration", type=int, default=100, help="calibration photos")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--csv", type=Path, help="write the figures here, a row each")
    options = parser.parse_args()
    folder = find_run(options.run)
    record = read_run(folder)
    data = recall_data(folder, record)
    test = load_pixels(data.test, record.preprocess)
    calibration = choose_calibration(
        data.train, record.preprocess, record.labels, count=options.calibration
    ).loaded
    with tempfile.TemporaryDirectory() as room:
        work = Work(Path(room), run_model(folder, record), calibration, detect_machine(), options.threads)
        rows = make_rows(work, test)
        time_rows(rows, test.pixels[:TIMED_PICTURES], rounds=options.rounds, threads=options.threads)
    show(rows, work, len(test))
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([COLUMNS, *(row.cells() for row in rows)])


def make_rows(work: Work, test: Loaded) -> list[Row]:
    start = monotonic()
    make_float(
        work.model, work.folder, ("tflite", "onnx"),
        photos=work.calibration.pixels, for_int8=True, announce=quiet,
    )  # fmt: skip
    seconds = elapsed_ms(start, monotonic()) / 1000
    convert_plainly(work)
    rows = []
    for format in ("tflite", "onnx"):
        rows += measure(f"float {format}", work.path(f"model.float32.{format}"), test, None, work, seconds)
    engine = open_engine(work.path("model.float32.tflite"), threads=work.threads)
    reference = answers(engine, test.pixels)
    for name, make in ways().items():
        start = monotonic()
        path = make(work)
        rows += measure(name, path, test, reference, work, elapsed_ms(start, monotonic()) / 1000)
        print(" | ".join(rows[-1].cells()), flush=True)
    return rows


def show(rows: list[Row], work: Work, photos: int) -> None:
    machine = work.machine
    print(f"\n{photos} test photos, {len(work.calibration)} calibration photos, {work.threads} threads, "
          f"{machine.processor}, {machine.cores} cores, int8: {machine.int8_dot}\n")  # fmt: skip
    print("| " + " | ".join(COLUMNS) + " |")
    print("|---|---|" + "---:|" * (len(COLUMNS) - 2))
    for row in rows:
        print("| " + " | ".join(row.cells()) + " |")


if __name__ == "__main__":
    main()
