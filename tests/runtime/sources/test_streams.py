"""Network cameras, with real servers that die, freeze, come back, send garbage and change their picture."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from edgecls.errors import DeviceError
from edgecls.runtime.pipeline import Pipeline
from edgecls.runtime.sources.grammar import Asked, open_source

DEADLINE_S = 30.0


class Run:
    """A pipeline at work on a thread of its own."""

    def __init__(self, pipeline: Pipeline, sink: Any, start: Any, stop: threading.Event) -> None:
        self.sink, self._stop = sink, stop
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, args=(pipeline, start))
        self._thread.start()

    def _run(self, pipeline: Pipeline, start: Any) -> None:
        try:
            pipeline.run(start)
        except Exception as error:
            self._error = error

    def until(self, what: Callable[[], bool]) -> float:
        """Wait for something; the seconds it took."""
        began = time.monotonic()
        while not what():
            assert self._error is None, self._error
            assert time.monotonic() - began < DEADLINE_S, [fault.message for fault in self.sink.told]
            time.sleep(0.02)
        return time.monotonic() - began

    def frames(self, more: int) -> float:
        """Wait for so many results more."""
        enough = len(self.sink.results) + more
        return self.until(lambda: len(self.sink.results) >= enough)

    def end(self) -> None:
        self._stop.set()
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive()


@pytest.fixture
def watch(classifier: Any, sink: Any, start: Any) -> Iterator[Callable[[str], Run]]:
    """Begins to classify what a stream shows; two seconds without a frame are a stall."""
    runs: list[Run] = []

    def begin(url: str, **asked: Any) -> Run:
        stop = threading.Event()
        source = open_source(url, Asked(stall_s=2.0, **asked))
        runs.append(Run(Pipeline(source, classifier(), [sink], stop=stop), sink, start, stop))
        return runs[-1]

    yield begin
    for run in runs:
        run.end()


def lost_and_back(run: Run) -> tuple[list[str], list[float]]:
    lost = [fault.message for fault in run.sink.told if fault.recovered_s is None]
    return lost, [fault.recovered_s for fault in run.sink.told if fault.recovered_s is not None]


def test_a_stream_gives_frames_that_are_young(server: Any, watch: Any) -> None:
    server.start()
    run = watch(server.url)
    run.frames(20)
    ages = sorted(result.age_ms for result in run.sink.results)
    assert ages[len(ages) // 2] < 500
    assert run.sink.told == []


def test_a_server_that_is_killed_and_started_again_is_found_again(server: Any, watch: Any) -> None:
    server.start()
    run = watch(server.url)
    run.frames(5)
    server.kill()
    run.until(lambda: bool(run.sink.told))
    server.start()
    run.until(lambda: bool(lost_and_back(run)[1]))
    run.frames(5)
    lost, (recovered_s,) = lost_and_back(run)
    print(f"{server.kind}: killed and started again, frames again after {recovered_s:.1f} s")
    assert "trying again in 1 s" in lost[0]
    indices = [result.frame.index for result in run.sink.results]
    assert indices == sorted(set(indices))


def test_a_server_that_freezes_is_noticed_and_found_again(server: Any, watch: Any) -> None:
    server.start()
    run = watch(server.url)
    run.frames(5)
    server.signal(signal.SIGSTOP)
    noticed_s = run.until(lambda: bool(run.sink.told))
    before = len(run.sink.results)
    server.signal(signal.SIGCONT)
    run.until(lambda: bool(lost_and_back(run)[1]))
    run.frames(5)
    print(
        f"{server.kind}: frozen, noticed after {noticed_s:.1f} s, back after {lost_and_back(run)[1][0]:.1f} s"
    )
    assert noticed_s < 10
    assert len(run.sink.results) > before


def test_a_server_that_is_absent_at_the_start_is_one_sentence(http_server: Any) -> None:
    with pytest.raises(
        DeviceError, match=r"expected a video stream, found none: Connection refused"
    ) as found:
        open_source(http_server.url.replace("//", "//user:secret@"))
    assert "secret" not in str(found.value)


def test_a_server_that_is_absent_at_the_start_is_waited_for_when_asked(server: Any, watch: Any) -> None:
    run = watch(server.url, patient=True)
    run.until(lambda: bool(run.sink.told))
    server.start()
    run.frames(3)
    assert lost_and_back(run)[1]


def test_garbage_is_never_taken_for_a_frame_and_ends_as_a_loss(http_server: Any, watch: Any) -> None:
    http_server.start("320x240", "30", "--garbage-after", "20")
    run = watch(http_server.url)
    run.until(lambda: bool(run.sink.told))
    before = max(result.frame.index for result in run.sink.results)
    assert before < 25
    http_server.kill()
    http_server.start()
    run.until(lambda: bool(lost_and_back(run)[1]))


def test_a_stream_that_ends_is_opened_again(http_server: Any, watch: Any) -> None:
    http_server.start("320x240", "30", "--end-after", "10")
    run = watch(http_server.url)
    run.until(lambda: len(lost_and_back(run)[1]) >= 2)
    assert all("trying again in 1 s" in message for message in lost_and_back(run)[0])


def test_another_resolution_after_a_restart_is_taken_as_it_comes(server: Any, watch: Any) -> None:
    server.start("320x240")
    run = watch(server.url)
    run.frames(3)
    server.kill()
    server.start("640x480")
    run.until(lambda: run.sink.results[-1].frame.pixels.shape[:2] == (480, 640))


def test_another_resolution_in_the_middle_of_a_stream_is_no_end_of_it(http_server: Any, watch: Any) -> None:
    http_server.start("320x240", "30", "--double-after", "20")
    run = watch(http_server.url)
    run.until(lambda: bool(run.sink.results) and run.sink.results[-1].frame.index > 40)
    shapes = {result.frame.pixels.shape[:2] for result in run.sink.results}
    print(f"http: pictures of {sorted(shapes)}, {len(run.sink.told)} faults")
    assert run.sink.results[-1].frame.index > 40
