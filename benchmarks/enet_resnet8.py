"""ENet for CIFAR-10 beside MLPerf Tiny's trained ResNet-8, both int8: accuracy and latency from the same runs.

    python scripts/fetch_resnet8.py --out weights/
    python benchmarks/enet_resnet8.py MODEL... [--data data/cifar10] [--photos 10000] [--threads 1] [--csv FILE]

A MODEL is a bundle, whose model.int8.tflite is taken, or such a file. They and the ResNet-8 take each test picture in
turn, in one process, so that a drift of the machine meets all alike. All of them take the pixel, as uint8 or, less
128, as int8.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgecls.data import load_pixels, open_data
from edgecls.devices.detect import detect_machine
from edgecls.errors import need
from edgecls.metrics import Proportion, paired_difference, wilson
from edgecls.preprocess import Pixels, Preprocess
from edgecls.runtime.litert import tensor_spec
from edgecls.runtime.timing import elapsed_ms, monotonic, percentiles

SIDE = 32
WARM_UP = 200


@dataclass
class Contestant:
    """One int8 model: its interpreter, its samples in ms, and which pictures it got right."""

    name: str
    size_bytes: int
    interpreter: Any
    samples_ms: list[float] = field(default_factory=list)
    correct: list[bool] = field(default_factory=list)

    def see(self, picture: Pixels, truth: int, *, counts: bool) -> None:
        tensor, output = (self.interpreter.get_input_details()[0], self.interpreter.get_output_details()[0])
        self.interpreter.set_tensor(tensor["index"], tensor_spec(tensor).encode_pixels(picture[None]))
        start = monotonic()
        self.interpreter.invoke()
        taken = elapsed_ms(start, monotonic())
        if counts:
            self.samples_ms.append(taken)
            self.correct.append(int(self.interpreter.get_tensor(output["index"])[0].argmax()) == truth)

    def top1(self) -> Proportion:
        return wilson(sum(self.correct), len(self.correct))


def open_contestant(name: str, path: Path, threads: int) -> Contestant:
    litert = need("ai_edge_litert.interpreter", "train")
    interpreter = litert.Interpreter(str(path), num_threads=threads)
    interpreter.allocate_tensors()
    assert interpreter.get_input_details()[0]["dtype"] in (np.int8, np.uint8)
    return Contestant(name, path.stat().st_size, interpreter)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("models", nargs="+", type=Path, help="a bundle or a .tflite file")
    parser.add_argument("--resnet8", type=Path, default=Path("weights/resnet8-cifar10.tflite"))
    parser.add_argument("--data", type=Path, default=Path("data/cifar10"))
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--csv", type=Path, help="write the figures here, a row each")
    options = parser.parse_args()
    test = load_pixels(open_data(options.data).test[: options.photos], Preprocess(SIDE, SIDE))
    contestants = [open_contestant("ResNet-8", options.resnet8, options.threads)]
    contestants += [open_contestant(model.stem, _file(model), options.threads) for model in options.models]
    for i in range(-WARM_UP, len(test)):
        for contestant in contestants[i % len(contestants) :] + contestants[: i % len(contestants)]:
            contestant.see(test.pixels[i], int(test.truth[i]), counts=i >= 0)
    show(contestants, options.threads)
    if options.csv:
        write_csv(options.csv, contestants)


def _file(model: Path) -> Path:
    return model / "model.int8.tflite" if model.is_dir() else model


def write_csv(path: Path, contestants: list[Contestant]) -> None:
    """A row a model."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("model", "bytes", "n", "top1", "low", "high", "median_ms", "p90_ms"))
        for c in contestants:
            top1, times = c.top1(), percentiles(c.samples_ms)
            shares = [f"{share:.4f}" for share in (top1.value, top1.low, top1.high)]
            rows.writerow((c.name, c.size_bytes, top1.n, *shares, f"{times.p50:.4f}", f"{times.p90:.4f}"))


def show(contestants: list[Contestant], threads: int) -> None:
    machine = detect_machine()
    reference = contestants[0]
    print(f"{machine}, {threads} thread(s), n = {len(reference.correct)}")
    for c in contestants:
        top1, times = c.top1(), percentiles(c.samples_ms)
        lost = sum(a and not b for a, b in zip(reference.correct, c.correct, strict=True))
        won = sum(b and not a for a, b in zip(reference.correct, c.correct, strict=True))
        drop, low, high = paired_difference(lost, won, len(c.correct))
        ratio = times.p50 / percentiles(reference.samples_ms).p50
        print(
            f"{c.name:<24} {c.size_bytes / 1e3:6.0f} kB  top-1 {100 * top1.value:.2f} % "
            f"({100 * top1.low:.2f} to {100 * top1.high:.2f})  above ResNet-8 {-100 * drop:+.2f} points "
            f"({-100 * high:+.2f} to {-100 * low:+.2f})  median {times.p50:.4f} ms, p90 {times.p90:.4f}, "
            f"{ratio:.2f} times ResNet-8"
        )


if __name__ == "__main__":
    main()
