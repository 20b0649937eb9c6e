"""Fakes of clock, engine and source, and a tiny real model, for the device side."""

from __future__ import annotations

import runpy
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgecls.bundle import Bundle
from edgecls.labels import Labels
from edgecls.machine import Machine
from edgecls.preprocess import Preprocess
from edgecls.runtime.classifier import Classifier
from edgecls.runtime.decision import FrameByFrame
from edgecls.runtime.sinks.sink import QuietSink, Result, Start, Summary
from edgecls.runtime.sources.capture import quiet_opencv
from edgecls.runtime.sources.source import Closing, Fault, Frame
from edgecls.runtime.watcher import Event
from edgecls.tensors import TensorSpec

TINY = Path(__file__).parents[1] / "data" / "tiny"


class FakeClock:
    """Nanoseconds that move only when told to, or by `step_ms` with each reading."""

    def __init__(self, step_ms: float = 0.0) -> None:
        self.now_ns = 0
        self.step_ns = int(step_ms * 1e6)

    def __call__(self) -> int:
        self.now_ns += self.step_ns
        return self.now_ns

    def pass_ms(self, ms: float) -> None:
        self.now_ns += int(ms * 1e6)


class FakeEngine:
    """Sees the colour of the picture's mean; `sleep_s` makes it slow, `clock` makes it take 5 ms."""

    name = "fake 1.0"
    threads = 1
    arithmetic = "native"
    input = TensorSpec("input", (1, 16, 16, 3), "uint8")
    output = TensorSpec("output", (1, 3), "float32")

    def __init__(self, *, sleep_s: float = 0.0, clock: FakeClock | None = None, nan: bool = False) -> None:
        self.sleep_s, self.clock, self.nan = sleep_s, clock, nan

    def run(self, batch: np.ndarray) -> np.ndarray:
        time.sleep(self.sleep_s)
        if self.clock:
            self.clock.pass_ms(5)
        mean = batch.mean(axis=(1, 2)).astype(np.float32) + 1
        return np.asarray(mean / mean.sum(axis=1, keepdims=True) * (np.nan if self.nan else 1))

    def close(self) -> None:
        pass


class FakeSource(Closing):
    """Frames of a list, which may hold an exception to raise; `pause_s` passes before each."""

    def __init__(
        self,
        items: Sequence[Frame | Exception],
        *,
        live: bool = False,
        pause_s: float = 0.0,
        block: bool = False,
        endless: bool = False,
    ) -> None:
        self.name = "fake"
        self.live = live
        self.endless = endless
        self.patience_s = 0.3
        self.faults: deque[Fault] = deque()
        self.closed = False
        self._items, self._pause_s, self._block = items, pause_s, block

    def __iter__(self) -> Iterator[Frame]:
        for item in self._items:
            time.sleep(self._pause_s)
            if self.closed:
                return
            if isinstance(item, Exception):
                raise item
            yield item
        while self._block and not self.closed:
            time.sleep(0.01)

    def close(self) -> None:
        self.closed = True


class ListSink(QuietSink):
    """Keeps what it is given."""

    def __init__(self) -> None:
        super().__init__("list")
        self.starts: list[Start] = []
        self.results: list[Result] = []
        self.events: list[Event] = []
        self.told: list[Fault] = []
        self.summaries: list[Summary] = []

    def start(self, start: Start) -> None:
        self.starts.append(start)

    def result(self, result: Result) -> None:
        self.results.append(result)

    def event(self, event: Event) -> None:
        self.events.append(event)

    def fault(self, fault: Fault) -> None:
        self.told.append(fault)

    def close(self, summary: Summary) -> None:
        self.summaries.append(summary)


def make_frames(count: int) -> list[Frame]:
    red = np.zeros((20, 30, 3), np.uint8)
    red[:, :, 2] = 200
    return [Frame(red, index, time.monotonic_ns()) for index in range(count)]


@pytest.fixture
def frames() -> Callable[[int], list[Frame]]:
    """Makes so many red frames of 30x20 pixels."""
    return make_frames


@pytest.fixture
def source() -> type[FakeSource]:
    return FakeSource


@pytest.fixture
def sink() -> ListSink:
    return ListSink()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def engine() -> type[FakeEngine]:
    return FakeEngine


@pytest.fixture
def classifier() -> Callable[..., Classifier]:
    """Makes a classifier of red, green and blue around a fake engine."""

    def make(clock: Callable[[], int] = time.monotonic_ns, **options: object) -> Classifier:
        decision = FrameByFrame(Labels(("red", "green", "blue")))
        ticking = clock if isinstance(clock, FakeClock) else None
        engine = FakeEngine(clock=ticking, **options)  # type: ignore[arg-type]
        return Classifier(Preprocess(16, 16), engine, decision, clock)

    return make


@pytest.fixture
def start() -> Start:
    return Start(
        "fake", False, None, "m.tflite", "tiny", "int8", "fake 1.0", "native", 1, ("red", "green", "blue")
    )


@pytest.fixture
def machine() -> Machine:
    return Machine("a test", "none", "x86_64", 1, 1024, "none", "3.11", "vnni")


@pytest.fixture
def tiny() -> Path:
    """The folder with tiny.float32.tflite, tiny.int8.tflite and the same in ONNX."""
    return TINY


@pytest.fixture
def make_bundle(tmp_path: Path) -> Callable[..., Bundle]:
    """Makes a bundle of the tiny models below tmp_path."""
    write = runpy.run_path(str(TINY / "tiny_bundle.py"))["write_tiny_bundle"]

    def make(name: str = "tiny", formats: tuple[str, ...] = ("tflite",)) -> Bundle:
        return Bundle.open(write(tmp_path / "bundles" / name, formats=formats))

    return make


@pytest.fixture
def photo_folder(tmp_path: Path) -> Path:
    """Photos of three colours in two sub-folders, named so that sorting matters."""
    for name, channel in (("b/2.png", 1), ("a/1.png", 2), ("b/ä 10.png", 0)):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = np.full((24, 32, 3), 20, np.uint8)
        picture[:, :, channel] = 230
        path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    return tmp_path / "photos"


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Ten frames of 64x48 at 25 a second; frame i is grey of level 20 i."""
    quiet_opencv()  # OpenCV asks for the log level of FFmpeg once only, when the first video is opened
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for level in range(0, 200, 20):
        writer.write(np.full((48, 64, 3), level, np.uint8))
    writer.release()
    return path
