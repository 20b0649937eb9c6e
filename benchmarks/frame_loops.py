"""A frame of `edgecls run` beside the loop that people write by hand, and beside MediaPipe's ImageClassifier.

    python benchmarks/frame_loops.py [BUNDLE] [--frames 600] [--pause MS] [--mediapipe PYTHON]

Frames of 1280x720, each given to two loops in turn, so that a drift of the machine meets both alike; who is first, and
fetches the frame from memory for the other, changes with each. Replayed without a pause; with --pause each turn comes
after one, as a camera's frame does, so that threads of engine and OpenCV have gone to sleep. edgecls: from the newest
frame to what the watcher says of it, with everything that a result holds. By hand: cv2.resize, cv2.cvtColor, invoke and
argmax, on the same engine with the same threads, which are those that `edgecls run` chooses here. MediaPipe brings
another OpenCV, so PYTHON is that of an environment of its own (pip install mediapipe); it gets the same .tflite and
frames.
"""

from __future__ import annotations

import argparse
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from edgecls.bundle import Bundle, find_bundle
from edgecls.devices.detect import detect_machine
from edgecls.images import read_photo
from edgecls.labels import Labels
from edgecls.preprocess import Pixels
from edgecls.runtime.auto_engine import choose_engine
from edgecls.runtime.benchmark_plan import in_turn
from edgecls.runtime.classifier import Classifier, open_classifier
from edgecls.runtime.engine import Engine
from edgecls.runtime.litert import LiteRTEngine
from edgecls.runtime.live_reader import Captured
from edgecls.runtime.model_file import ModelFile
from edgecls.runtime.onnx import OnnxEngine
from edgecls.runtime.pipeline import Pipeline
from edgecls.runtime.sources.grammar import open_source
from edgecls.runtime.sources.source import Frame
from edgecls.runtime.timing import elapsed_ms, monotonic, percentiles
from edgecls.runtime.watcher import Watcher

WIDTH, HEIGHT = 1280, 720
PHOTOS = 20
WARM_UP = 30
BY_HAND, MEDIAPIPE = 1.05, 0.5  # how many times their median ours may take
MEDIAPIPE_LOOP = Path(__file__).with_name("mediapipe_loop.py")

Loop = Callable[[int], float]  # the number of a frame to the ms it took


def camera_frames(bundle: Bundle) -> list[Pixels]:
    """Photos of the bundle as frames, uint8 BGR of HEIGHT x WIDTH, with grey at the sides."""
    chosen = in_turn(bundle.manifest.evaluation)[:PHOTOS]
    return [_framed(read_photo(bundle.file(photo.file, photo.sha256))) for photo in chosen]


def _framed(photo: Pixels) -> Pixels:
    height, width = photo.shape[:2]
    scale = min(WIDTH / width, HEIGHT / height)
    resized = cv2.resize(photo, (max(1, round(width * scale)), max(1, round(height * scale))))
    frame = np.full((HEIGHT, WIDTH, 3), 114, np.uint8)
    top, left = (HEIGHT - resized.shape[0]) // 2, (WIDTH - resized.shape[1]) // 2
    frame[top : top + resized.shape[0], left : left + resized.shape[1]] = resized
    return frame


def edgecls_loop(classifier: Classifier, labels: Labels, frames: Sequence[Pixels]) -> Loop:
    """What the pipeline does between the slot of the newest frame and the sinks."""
    source = open_source("synthetic://32x32@30")
    pipeline = Pipeline(source, classifier, [], watcher=Watcher(labels))

    def loop(number: int) -> float:
        started = monotonic()
        pipeline.take(Captured(Frame(frames[number % len(frames)], number, started), 0.0))
        return elapsed_ms(started, monotonic())

    return loop


def hand_loop(classifier: Classifier, frames: Sequence[Pixels]) -> Loop:
    """The loop of a tutorial, for files that take uint8 pixels and give float32 probabilities."""
    side = classifier.preprocess.width, classifier.preprocess.height
    invoke = by_hand(classifier.engine)

    def loop(number: int) -> float:
        started = monotonic()
        small = cv2.cvtColor(cv2.resize(frames[number % len(frames)], side), cv2.COLOR_BGR2RGB)
        int(np.argmax(invoke(small[np.newaxis])))
        return elapsed_ms(started, monotonic())

    return loop


def by_hand(engine: Engine) -> Callable[[Pixels], Pixels]:
    """The library's own calls. On the same interpreter: of two, the threads of one would wait on the other's cores."""
    if isinstance(engine, LiteRTEngine):
        interpreter = engine.interpreter
        into, out = interpreter.get_input_details()[0], interpreter.get_output_details()[0]

        def invoke(batch: Pixels) -> Pixels:
            interpreter.set_tensor(into["index"], batch.astype(into["dtype"], copy=False))
            interpreter.invoke()
            return interpreter.get_tensor(out["index"])[0]  # type: ignore[no-any-return]

        return invoke
    assert isinstance(engine, OnnxEngine)
    session, name = engine.session, engine.input.name
    return lambda batch: session.run(None, {name: batch})[0][0]  # type: ignore[no-any-return]


@contextmanager
def mediapipe_loop(python: str, model: Path, frames: Sequence[Pixels]) -> Iterator[Loop]:
    """Another process that keeps its frames and times one each time it is asked."""
    command = [python, str(MEDIAPIPE_LOOP), str(model), str(len(frames)), str(HEIGHT), str(WIDTH)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        ask, answer = process.stdin, process.stdout
        for frame in frames:
            ask.write(frame.tobytes())

        def loop(number: int) -> float:
            ask.write(f"{number % len(frames)}\n".encode())
            ask.flush()
            return float(answer.readline())

        yield loop
        ask.close()


def compare(loops: dict[str, Loop], count: int, pause_ms: float) -> dict[str, list[float]]:
    """Both loops take each frame, the other one first each time; the first frames warm up."""
    took: dict[str, list[float]] = {name: [] for name in loops}
    order = list(loops)
    for number in range(-WARM_UP, count):
        for name in order:
            time.sleep(pause_ms / 1e3)
            ms = loops[name](number)
            if number >= 0:
                took[name].append(ms)
        order.reverse()
    return took


def report(took: dict[str, list[float]], limit: float) -> None:
    """Print the percentiles of both, and how many times the second one's median the first one's is."""
    found = {name: percentiles(ms) for name, ms in took.items()}
    ours, other = found.values()
    for name, p in found.items():
        print(f"{name}: {p.p50:.3f} ms, p90 {p.p90:.3f}, p99 {p.p99:.3f}")
    ratio = ours.p50 / other.p50
    print(f"ours takes {ratio:.3f} of it, limit {limit:.2f}: {'met' if ratio <= limit else 'MISSED'}")


def main() -> None:
    """Print the median of each loop and the ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", nargs="?")
    parser.add_argument("--frames", type=int, default=600)
    parser.add_argument("--pause", type=float, default=0.0, metavar="MS")
    parser.add_argument("--mediapipe", metavar="PYTHON")
    asked = parser.parse_args()
    bundle, machine = Bundle.open(find_bundle(asked.bundle)), detect_machine()
    chosen = choose_engine(bundle, machine, precision="int8").chosen
    frames = camera_frames(bundle)
    model = ModelFile.from_bundle(bundle, bundle.variant_of(chosen.file))
    classifier = open_classifier(model, engine=chosen.engine, threads=chosen.threads)
    ours = edgecls_loop(classifier, model.labels, frames)
    print(
        f"{bundle.name}, {chosen.file} on {chosen.engine}, threads: {chosen.threads}, {WIDTH}x{HEIGHT} frames"
    )
    print(
        f"{machine.model}, {machine.cores} cores, int8 sums: {machine.int8_dot}; n = {asked.frames}, each in turn"
    )
    report(
        compare({"edgecls": ours, "by hand": hand_loop(classifier, frames)}, asked.frames, asked.pause),
        BY_HAND,
    )
    if asked.mediapipe:
        with mediapipe_loop(asked.mediapipe, bundle.folder / "model.int8.tflite", frames) as loop:
            report(compare({"edgecls": ours, "MediaPipe": loop}, asked.frames, asked.pause), MEDIAPIPE)


if __name__ == "__main__":
    main()
