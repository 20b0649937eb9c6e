"""What a whole frame costs above the engine alone: 1280x720 frames, preprocess to decision, against invoke.

    python benchmarks/frame_overhead.py [BUNDLE] [--frames 300]

Frame and bare invoke take turns in one process, so that a drift of the machine meets both alike. Every
thread count is tried; the ratio that counts is that of the one with the fastest frame.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edgecls.bundle import Bundle, find_bundle
from edgecls.devices.detect import detect_machine
from edgecls.images import read_photo
from edgecls.preprocess import Pixels
from edgecls.runtime.benchmark_plan import in_turn, usual_threads
from edgecls.runtime.classifier import open_classifier
from edgecls.runtime.model_file import ModelFile
from edgecls.runtime.timing import Clock, elapsed_ms, monotonic, percentiles

WIDTH, HEIGHT = 1280, 720
PHOTOS = 20
WARM_UP = 10
LIMIT = 1.10


@dataclass(frozen=True)
class Overhead:
    """Medians of one thread count, in ms, and the accuracy of the same frames."""

    threads: int
    frame_ms: float
    invoke_ms: float
    correct: int
    frames: int

    @property
    def ratio(self) -> float:
        return self.frame_ms / self.invoke_ms


def measure(
    bundle: Bundle,
    frames: Sequence[tuple[Pixels, int]],
    *,
    threads: int,
    count: int,
    clock: Clock = monotonic,
) -> Overhead:
    """Replay `count` frames, uint8 BGR with their labels, each once whole and once as invoke alone."""
    variant = bundle.variant(format="tflite", precision="int8")
    classifier = open_classifier(ModelFile.from_bundle(bundle, variant), threads=threads)
    whole, invoke, correct = [], [], 0
    for i in range(-WARM_UP, count):
        pixels, label = frames[i % len(frames)]
        batch = classifier.preprocess.apply(pixels)[np.newaxis]
        readings = [clock()]
        answer = classifier.classify(pixels).prediction.index
        readings.append(clock())
        classifier.engine.run(batch)
        readings.append(clock())
        if i >= 0:
            whole.append(elapsed_ms(readings[0], readings[1]))
            invoke.append(elapsed_ms(readings[1], readings[2]))
            correct += answer == label
    classifier.engine.close()
    return Overhead(threads, percentiles(whole).p50, percentiles(invoke).p50, correct, count)


def camera_frames(bundle: Bundle) -> list[tuple[Pixels, int]]:
    """Photos of the bundle as frames of WIDTH x HEIGHT, with grey at the sides, and their labels."""
    chosen = in_turn(bundle.manifest.evaluation)[:PHOTOS]
    return [(_framed(read_photo(bundle.file(photo.file, photo.sha256))), photo.label) for photo in chosen]


def _framed(photo: Pixels) -> Pixels:
    height, width = photo.shape[:2]
    scale = min(WIDTH / width, HEIGHT / height)
    resized = cv2.resize(photo, (max(1, round(width * scale)), max(1, round(height * scale))))
    frame = np.full((HEIGHT, WIDTH, 3), 114, np.uint8)
    top, left = (HEIGHT - resized.shape[0]) // 2, (WIDTH - resized.shape[1]) // 2
    frame[top : top + resized.shape[0], left : left + resized.shape[1]] = resized
    return frame


def main() -> None:
    """Print every thread count and the ratio at the best one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", nargs="?")
    parser.add_argument("--frames", type=int, default=300)
    arguments = parser.parse_args()
    bundle, machine = Bundle.open(find_bundle(arguments.bundle)), detect_machine()
    frames = camera_frames(bundle)
    print(f"{bundle.name}, int8 .tflite, {WIDTH}x{HEIGHT} frames, on {machine.model}, {machine.cores} cores")
    found = [measure(bundle, frames, threads=n, count=arguments.frames) for n in usual_threads(machine)]
    for one in found:
        print(
            f"threads {one.threads}: frame {one.frame_ms:.2f} ms, invoke {one.invoke_ms:.2f} ms, "
            f"ratio {one.ratio:.3f}, top-1 {one.correct}/{one.frames}"
        )
    best = min(found, key=lambda one: one.frame_ms)
    verdict = "within" if best.ratio <= LIMIT else "ABOVE"
    print(f"median ratio at the best thread count ({best.threads}): {best.ratio:.3f}, {verdict} {LIMIT:.2f}")


if __name__ == "__main__":
    main()
