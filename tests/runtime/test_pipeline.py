"""Pipeline: every frame of files, the newest of cameras, and an end that always comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edgecls.errors import DataError, DeviceError, ModelError
from edgecls.labels import Labels
from edgecls.runtime.live_reader import Captured, pause_s
from edgecls.runtime.pipeline import Pipeline
from edgecls.runtime.sinks.sink import SinkClosed, Start
from edgecls.runtime.sources.source import Fault, Frame
from edgecls.runtime.watcher import Steadiness, Watcher

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
    assert Pipeline(source(frames(500), pause_s=0.01), classifier(), [leaving]).run(start).frames < 100
    assert len(leaving.results) == 2
    assert len(leaving.summaries) == 1


def test_scores_that_are_no_numbers_are_an_error_of_the_model(
    frames: Frames, source: Any, classifier: Any, sink: Any, start: Start
) -> None:
    with pytest.raises(ModelError, match="no probabilities"):
        Pipeline(source(frames(1)), classifier(nan=True), [sink]).run(start)


def devices(source: Any, *lives: list[Any], pause_s: float = 0.01) -> Any:
    """An endless source that gives one list after the other, each time it is opened."""

    class Device(type(source([]))):  # type: ignore[misc]
        def __iter__(self) -> Any:
            self._items = left.pop(0) if left else []
            if not left:
                self._block = True
            return super().__iter__()

    left = list(lives)
    return Device([], live=True, endless=True, pause_s=pause_s)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgecls.runtime.live_reader.FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr("edgecls.runtime.live_reader.LONGEST_PAUSE_S", 0.2)


@pytest.mark.usefixtures("hurried")
def test_a_device_that_fails_is_opened_again_until_a_frame_comes(
    frames: Frames, source: Any, classifier: Any, sink: Any, start: Start
) -> None:
    device = devices(source, [*frames(2), DeviceError("unplugged")], [DeviceError("absent")], [], frames(3))
    summary = Pipeline(device, classifier(), [sink], max_frames=5).run(start)
    lost = [fault.message for fault in sink.told if fault.recovered_s is None]
    assert [message.split(";")[0] for message in lost] == ["unplugged", "absent", "fake: the stream ended"]
    (back,) = [fault for fault in sink.told if fault.recovered_s is not None]
    assert "back after" in back.message
    assert (summary.frames, summary.faults) == (5, 3)


def test_pauses_double_up_to_a_minute() -> None:
    assert [pause_s(failures) for failures in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.usefixtures("hurried")
def test_a_device_that_is_away_is_not_taken_for_one_that_hangs(
    frames: Frames, source: Any, classifier: Any, sink: Any, start: Start
) -> None:
    device = devices(source, *[[DeviceError("absent")]] * 6, frames(1))
    device.patience_s = 0.15
    assert Pipeline(device, classifier(), [sink], max_frames=1).run(start).frames == 1


@pytest.mark.usefixtures("hurried")
def test_a_stop_ends_the_wait_for_a_device(source: Any, classifier: Any, sink: Any, start: Start) -> None:
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    away = devices(source, *[[DeviceError("absent")]] * 10_000)
    began = time.monotonic()
    assert Pipeline(away, classifier(), [sink], stop=stop).run(start).frames == 0
    assert time.monotonic() - began < 3


def test_frames_older_than_allowed_give_no_result_and_are_counted(
    frames: Frames, source: Any, classifier: Any, sink: Any, start: Start, clock: Any
) -> None:
    clock.pass_ms(10_000)
    (frame,) = frames(1)
    ages_ms = (0, 94, 96, 101)  # the engine takes 5 ms
    old = [Frame(frame.pixels, i, clock.now_ns - int(age * 1e6)) for i, age in enumerate(ages_ms)]
    for each in old:
        live = source([each], live=True)
        summary = Pipeline(live, classifier(clock), [sink], max_age_ms=100, clock=clock).run(start)
        assert summary.frames + summary.losses.stale == 1
        clock.now_ns = 10_000_000_000
    assert [result.frame.index for result in sink.results] == [0, 1]
    assert max(result.age_ms for result in sink.results) <= 100


def test_that_every_frame_is_too_old_is_told_once_and_when_one_is_not(
    frames: Frames, source: Any, classifier: Any, clock: Any
) -> None:
    live = source([], live=True)
    pipeline = Pipeline(live, classifier(clock), [], max_age_ms=100, clock=clock)
    for age_ms in (200,) * 8 + (50,):
        clock.pass_ms(1000)
        pipeline.take(Captured(replace(frames(1)[0], captured_ns=clock.now_ns - int(age_ms * 1e6)), 0))
    late, young = live.faults
    assert (
        late.message
        == "fake: every frame is older than 100 ms, none gives a result; waiting for a younger one"
    )
    assert young.recovered_s == pytest.approx(3, abs=0.1)


def test_files_are_never_too_old(
    frames: Frames, source: Any, classifier: Any, sink: Any, start: Start
) -> None:
    old = [Frame(frames(1)[0].pixels, 0, 0)]
    assert Pipeline(source(old), classifier(), [sink], max_age_ms=1).run(start).frames == 1


def test_what_is_seen_is_told_by_events_and_with_every_result(
    frames: Frames, source: Any, classifier: Any, sink: Any, start: Start
) -> None:
    watcher = Watcher(Labels(("red", "green", "blue")), (), Steadiness(0, 2, 2, 0, 0))
    summary = Pipeline(source(frames(3)), classifier(), [sink], watcher=watcher).run(start)
    assert [(event.kind, event.label, event.frame) for event in sink.events] == [("enter", "red", 1)]
    assert [result.seen.label if result.seen else None for result in sink.results] == [None, "red", "red"]
    assert summary.events == 1


def test_what_was_seen_is_gone_when_frames_stop(
    frames: Frames, source: Any, classifier: Any, sink: Any, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgecls.runtime.pipeline.GAP_S", 0.2)
    watcher = Watcher(Labels(("red", "green", "blue")), (), Steadiness(0, 1, 1, 0, 0))
    silent = source(frames(2), live=True, block=True)
    with pytest.raises(DeviceError, match="found none"):
        Pipeline(silent, classifier(), [sink], watcher=watcher).run(start)
    assert [(event.kind, event.reason) for event in sink.events] == [
        ("enter", "seen"),
        ("leave", "no frames"),
    ]


def test_a_sink_that_dies_ends_the_run_with_its_error(
    frames: Frames, source: Any, classifier: Any, sink: Any, start: Start
) -> None:
    class Dying(type(sink)):  # type: ignore[misc]
        def result(self, result: Any) -> None:
            raise RuntimeError("bug")

    live = source(frames(1), live=True, block=True)
    live.patience_s = 60
    with pytest.raises(DeviceError, match="bug"):
        Pipeline(live, classifier(), [sink, Dying()]).run(start)
    assert sink.told[-1].fatal


def test_what_a_sink_tells_reaches_the_other_sinks(
    frames: Frames, source: Any, classifier: Any, sink: Any, start: Start
) -> None:
    class Telling(type(sink)):  # type: ignore[misc]
        def start(self, start: Start) -> None:
            self.faults.append(Fault("broker down"))

    live = source(frames(20), live=True, pause_s=0.02)
    summary = Pipeline(live, classifier(), [Telling(), sink]).run(start)
    assert [fault.message for fault in sink.told] == ["broker down"]
    assert summary.faults == 1


def test_what_a_sink_tells_of_its_end_is_kept(
    frames: Frames, source: Any, classifier: Any, sink: Any, start: Start
) -> None:
    class Ending(type(sink)):  # type: ignore[misc]
        def close(self, summary: Any) -> None:
            self.faults.append(Fault("three events are lost"))

    pipeline = Pipeline(source(frames(1)), classifier(), [Ending(), sink])
    pipeline.run(start)
    assert [fault.message for fault in pipeline.last_faults] == ["three events are lost"]
