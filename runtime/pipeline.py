"""Pipeline: source -> preprocess -> engine -> decision -> sinks, with every stage measured."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from edgecls.errors import EdgeclsError
from edgecls.runtime.classifier import Classified, Classifier
from edgecls.runtime.live_reader import Captured, LiveReader, timed
from edgecls.runtime.sinks.outlet import Outlets
from edgecls.runtime.sinks.sink import Losses, Result, Sink, SinkClosed, StagesMs, Start, Summary
from edgecls.runtime.sinks.trouble import Trouble
from edgecls.runtime.sources.source import Fault, Frame, FrameSource
from edgecls.runtime.timing import Clock, StageTimes, elapsed_ms, monotonic
from edgecls.runtime.watcher import GAP_S, Event, Watcher

LATE_MS = 5000.0  # without a result because all frames are too old: that is told


@dataclass
class _Feed:
    """Where frames come from now, and how many were dropped on the way."""

    frames: Iterator[Captured | None]
    reader: LiveReader | None = None

    @property
    def drops(self) -> int:
        return self.reader.drops if self.reader else 0


class Pipeline:
    """Runs one source through one classifier, and a watcher where frames follow each other, into its sinks.

    `stop` may be set by anybody, a signal handler included: the frame at hand is finished and the summary
    still comes. `max_frames` counts results. Frames of a live source older than `max_age_ms` give no result.
    `last_faults` is what sinks tell of their end, when no sink hears it any more.
    """

    def __init__(
        self,
        source: FrameSource,
        classifier: Classifier,
        sinks: Sequence[Sink],
        *,
        watcher: Watcher | None = None,
        stop: threading.Event | None = None,
        max_frames: int | None = None,
        max_age_ms: float | None = None,
        clock: Clock = monotonic,
    ) -> None:
        self._source = source
        self._classifier = classifier
        self._outlets = Outlets(sinks, lossless=not source.live)
        self._watcher = watcher
        self._stop = stop or threading.Event()
        self._max_frames = max_frames
        self._max_age_ms = max_age_ms if source.live else None
        self._clock = clock
        self._times = StageTimes("capture", "preprocess", "invoke", "decide", "whole")
        self._losses = Losses()
        self._lateness = Trouble(source.name, source.faults, then="waiting for a younger one", clock=clock)
        self._results = self._faults = self._events = 0
        self._last_frame, self._last_ns = -1, clock()
        self.last_faults: tuple[Fault, ...] = ()

    def run(self, start: Start) -> Summary:
        """Announce `start`, classify until the source ends, the limit is reached or somebody stops it.

        A live source is read by a thread and its newest frame wins; of any other every frame is classified.
        Sinks get the summary even when the source, the model or another sink fails; then that EdgeclsError is raised.
        """
        started = self._clock()
        self._outlets.begin()
        try:
            self._outlets.put(start)
            self._classify_all()
        except SinkClosed:
            pass  # nobody reads any more: `edgecls run --json | head` ends here
        except EdgeclsError as error:
            self._outlets.put_last(Fault(str(error), fatal=True))
            raise
        finally:
            summary = self._summary(elapsed_ms(started, self._clock()) / 1e3)
            self._outlets.close(summary)
            self.last_faults = tuple(self._outlets.faults())
        self._check_end()
        return summary

    def _classify_all(self) -> None:
        with self._feed() as feed:
            try:
                for captured in feed.frames:
                    self._count_drops(feed)
                    self._report_faults()
                    self._check_gap()
                    if captured is not None:
                        self.take(captured)
                    if self._max_frames is not None and self._results >= self._max_frames:
                        return
            finally:
                self._count_drops(feed)
                self._report_faults()

    @contextmanager
    def _feed(self) -> Iterator[_Feed]:
        if not self._source.live:
            yield _Feed(self._until_stopped())
            return
        with LiveReader(self._source, clock=self._clock) as reader:
            yield _Feed(reader.frames(self._stop), reader)

    def _until_stopped(self) -> Iterator[Captured]:
        for captured in timed(self._source, self._clock):
            if self._stop.is_set():
                return
            yield captured

    def take(self, captured: Captured) -> None:
        """Classify a frame, unless it is too old before or after that."""
        frame = captured.frame
        if self._too_old(frame, self._clock()):
            return
        done = self._classifier.classify(frame.pixels)
        if self._too_old(frame, done.decided_ns):
            return
        unix_ns = time.time_ns()
        if self._watcher is not None:
            self._tell_events(
                self._watcher.see(done.prediction.scores, frame.at_ns, frame=frame.index, unix_ns=unix_ns)
            )
        self._last_frame, self._last_ns = frame.index, done.decided_ns
        self._lateness.worked()
        self._results += 1
        self._outlets.put(self._result(captured, done, unix_ns))

    def _count_drops(self, feed: _Feed) -> None:
        if feed.drops != self._losses.drops:
            self._losses = replace(self._losses, drops=feed.drops)

    def _too_old(self, frame: Frame, now: int) -> bool:
        if self._max_age_ms is None or elapsed_ms(frame.captured_ns, now) <= self._max_age_ms:
            return False
        self._losses = replace(self._losses, stale=self._losses.stale + 1)
        if elapsed_ms(self._last_ns, now) > LATE_MS:
            self._lateness.failed(f"every frame is older than {self._max_age_ms:g} ms, none gives a result")
        return True

    def _result(self, captured: Captured, done: Classified, unix_ns: int) -> Result:
        stages = StagesMs(captured.capture_ms, done.preprocess_ms, done.invoke_ms, done.decide_ms)
        self._times.add(stages.capture, stages.preprocess, stages.invoke, stages.decide, stages.whole)
        age_ms = elapsed_ms(captured.frame.captured_ns, done.decided_ns)
        watcher = self._watcher
        return Result(
            captured.frame, unix_ns, age_ms, done.prediction, stages, self._losses,
            seen=watcher.seen if watcher else None, watched=watcher is not None,
        )  # fmt: skip

    def _check_gap(self) -> None:
        """What was seen before frames stopped coming is not there any more, as far as anybody knows."""
        watcher = self._watcher
        if watcher is None or watcher.seen is None or not self._source.live:
            return
        if elapsed_ms(self._last_ns, self._clock()) > GAP_S * 1e3:
            self._tell_events(watcher.lose(frame=self._last_frame, unix_ns=time.time_ns()))

    def _report_faults(self) -> None:
        self._outlets.check()
        while self._source.faults:
            self._tell_fault(self._source.faults.popleft())
        for fault in self._outlets.faults():
            self._tell_fault(fault)

    def _tell_fault(self, fault: Fault) -> None:
        self._faults += fault.recovered_s is None
        self._outlets.put(fault)

    def _tell_events(self, events: list[Event]) -> None:
        for event in events:
            self._events += 1
            self._outlets.put(event)

    def _check_end(self) -> None:
        with suppress(SinkClosed):
            self._outlets.check()

    def _summary(self, seconds: float) -> Summary:
        return Summary(
            frames=self._results,
            losses=self._losses,
            faults=self._faults,
            events=self._events,
            unsent=self._outlets.unsent,
            seconds=seconds,
            stages_ms=self._times.percentiles(),
        )
