"""Pipeline: every frame of files, the newest of cameras, and an end that always comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from edgecls.errors import DataError, DeviceError, ModelError
from edgecls.runtime.pipeline import Pipeline
from edgecls.runtime.sinks.sink import SinkClosed, Start
from edgecls.runtime.sources.source import Fault, Frame

Frames = Callable[[int], list[Frame]]


def test_every_frame_of_files_is_classified_in_order(
    frames: Frames, source: Any, classifier: Any, sink: Any, start: Start
) -> None:
    summary = Pipeline(source(frames(5)), classifier(sleep_s=0.002), [sink]).run(start)
    assert [result.frame.index for result in sink.results] == [0, 1, 2, 3, 4]
    assert {result.prediction.label for result in sink.results} == {"red"}
    assert (summary.frames, summary.losses.drops, summary.faults) == (5, 0, 0)


def test_a_slow_engine_sees_the_newest_frame_of_a_camera_and_the_rest_are_drops(
    frames: Frames, source: Any, classifier: Any, sink: Any, start: Start
) -> None:
    live = source(frames(40), live=True, pause_s=0.005)
    summary = Pipeline(live, classifier(sleep_s=0.05), [sink]).run(start)
    seen = [result.frame.index for result in sink.results]
    assert seen == sorted(set(seen))
    assert len(seen) < 15
    assert seen[-1] == 39
    assert summary.frames + summary.losses.drops == 40
    assert sink.results[-1].losses.drops == summary.losses.drops


def test_a_fast_engine_drops_nothing_of_a_camera(
    frames: Frames, source: Any, classifier: Any, sink: Any, start: Start
) -> None:
    summary = Pipeline(source(frames(10), live=True, pause_s=0.02), classifier(), [sink]).run(start)
    assert (summary.frames, summary.losses.drops) == (10, 0)


def test_the_stages_and_the_age_are_what_the_clock_says(
    frames: Frames, source: Any, classifier: Any, sink: Any, start: Start, clock: Any
) -> None:
    (frame,) = frames(1)
    early = Frame(frame.pixels, 0, clock.now_ns - 20_000_000)
    Pipeline(source([early]), classifier(clock), [sink], clock=clock).run(start)
    (result,) = sink.results
    assert (result.stages_ms.preprocess, result.stages_ms.invoke, result.stages_ms.decide) == (0, 5, 0)
    assert result.stages_ms.whole == 5
    assert result.age_ms == 25
    assert sink.summaries[0].stages_ms["whole"].p50 == 5


def test_the_limit_of_frames_ends_a_camera(
    frames: Frames, source: Any, classifier: Any, sink: Any, start: Start
) -> None:
    live = source(frames(500), live=True, pause_s=0.002)
    assert Pipeline(live, classifier(), [sink], max_frames=3).run(start).frames == 3
    assert live.closed


def test_a_stop_ends_files_and_cameras_with_a_summary(
    frames: Frames, source: Any, classifier: Any, sink: Any, start: Start
) -> None:
    for live in (False, True):
        stop = threading.Event()
        threading.Timer(0.2, stop.set).start()
        waiting = source(frames(10_000 if not live else 1), live=live, pause_s=0.001, block=live)
        waiting.patience_s = 60
        began = time.monotonic()
        Pipeline(waiting, classifier(), [sink], stop=stop).run(start)
        assert time.monotonic() - began < 2
    assert len(sink.summaries) == 2


def test_a_dead_reader_ends_the_run_with_its_error_and_a_summary(
    frames: Frames, source: Any, classifier: Any, sink: Any, start: Start
) -> None:
    dying = source([*frames(2), DeviceError("unplugged")], live=True, pause_s=0.05)
    with pytest.raises(DeviceError, match="unplugged"):
        Pipeline(dying, classifier(), [sink]).run(start)
    assert [fault.message for fault in sink.told] == ["unplugged"]
    assert sink.told[0].fatal
    assert sink.summaries[0].frames == 2


def test_a_foreign_error_in_the_reader_is_translated(
    frames: Frames, source: Any, classifier: Any, sink: Any, start: Start
) -> None:
    dying = source([*frames(1), RuntimeError("driver")], live=True)
    with pytest.raises(DeviceError, match="driver"):
        Pipeline(dying, classifier(), [sink]).run(start)


def test_a_camera_that_freezes_is_an_error_and_never_hangs(
    frames: Frames, source: Any, classifier: Any, sink: Any, start: Start
) -> None:
    frozen = source(frames(1), live=True, block=True)
    with pytest.raises(DeviceError, match="expected a frame, found none"):
        Pipeline(frozen, classifier(), [sink]).run(start)


def test_faults_of_the_source_reach_the_sinks_and_are_counted(
    frames: Frames, source: Any, classifier: Any, sink: Any, start: Start
) -> None:
    faulty = source(frames(2))
    faulty.faults.extend([Fault("bad one", 0), Fault("bad two", 1)])
    assert Pipeline(faulty, classifier(), [sink]).run(start).faults == 2
    assert [fault.message for fault in sink.told] == ["bad one", "bad two"]


def test_faults_before_the_end_of_everything_are_told_too(
    source: Any, classifier: Any, sink: Any, start: Start
) -> None:
    faulty = source([DataError("none could be read")])
    faulty.faults.append(Fault("bad one", 0))
    with pytest.raises(DataError):
        Pipeline(faulty, classifier(), [sink]).run(start)
    assert [fault.message for fault in sink.told] == ["bad one", "none could be read"]


def test_a_sink_whose_reader_left_ends_the_run_quietly(
    frames: Frames, source: Any, classifier: Any, sink: Any, start: Start
) -> None:
    class Leaving(type(sink)):  # type: ignore[misc]
        def result(self, result: Any) -> None:
            super().result(result)
            if len(self.results) == 2:
                raise SinkClosed

    leaving = Leaving()
    assert Pipeline(source(frames(9)), classifier(), [leaving]).run(start).frames == 2
    assert len(leaving.summaries) == 1


def test_scores_that_are_no_numbers_are_an_error_of_the_model(
    frames: Frames, source: Any, classifier: Any, sink: Any, start: Start
) -> None:
    with pytest.raises(ModelError, match="no numbers"):
        Pipeline(source(frames(1)), classifier(nan=True), [sink]).run(start)
