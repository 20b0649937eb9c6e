"""Memory and time that int8 takes: the most this process held, above what it had before it read the first photo.

    python benchmarks/calibration_memory.py RUN [--photos 300] [--format tflite] [--format onnx]

RUN is a training run, of a large network for the figure to mean something. The float conversion is a process of its own
and is not counted.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from pathlib import Path

from edgecls.calibration.selection import choose_calibration
from edgecls.devices.detect import detect_machine
from edgecls.export.candidates import make_float
from edgecls.export.quantizing import make_int8
from edgecls.progress import Tick
from edgecls.runs import find_run, read_run, recall_data, run_model
from edgecls.runtime.timing import elapsed_ms, monotonic


def quiet(description: str) -> Tick:
    return lambda done, total: None


def most_held_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("run", help="folder or name of a training run")
    parser.add_argument("--photos", type=int, default=300)
    parser.add_argument("--format", action="append", choices=("tflite", "onnx"))
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    folder = find_run(options.run)
    record = read_run(folder)
    data = recall_data(folder, record)
    start_mb = most_held_mb()
    chosen = choose_calibration(data.train, record.preprocess, record.labels, count=options.photos)
    with tempfile.TemporaryDirectory() as room:
        floats = make_float(
            run_model(folder, record),
            Path(room),
            tuple(options.format or ("tflite", "onnx")),
            photos=chosen.loaded.pixels,
            for_int8=True,
            announce=quiet,
        )
        print(f"{record.config.network}: {start_mb:.0f} MB at the start, {len(chosen.photos)} photos")
        for source in floats:
            begun = monotonic()
            make_int8(
                source,
                chosen.loaded.pixels,
                machine=detect_machine(),
                threads=options.threads,
                announce=quiet,
            )
            seconds = elapsed_ms(begun, monotonic()) / 1000
            above = most_held_mb() - start_mb
            print(
                f"{source.format}: int8 made, at most {above:.0f} MB above it, {seconds:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
