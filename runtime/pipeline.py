"""Pipeline: source -> preprocess -> engine -> decision -> sinks, with every stage measured."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from edgecls.errors import EdgeclsError
from edgecls.files import utc_now
from edgecls.runtime.classifier import Classifier
from edgecls.runtime.live_reader import Captured, LiveReader, timed
from edgecls.runtime.sinks import Result, Sink, SinkClosed, StagesMs, Start, Summary
from edgecls.runtime.sources import Fault, FrameSource
from edgecls.runtime.timing import Clock, StageTimes, elapsed_ms, monotonic


@dataclass
class _Feed:
    """Where frames come from now, and how many were dropped on the way."""

    frames: Iterator[Captured]
    reader: LiveReader | None = None

    @property
    def drops(self) -> int:
        return self.reader.drops if self.reader else 0


class Pipeline:
    """Runs one source through one classifier into its sinks.

    `stop` may be set by anybody, a signal handler included: the frame at hand is finished and the summary
    still comes. `max_frames` counts results.
    """

    def __init__(
        self,
        source: FrameSource,
        classifier: Classifier,
        sinks: Sequence[Sink],
        *,
        stop: threading.Event | None = None,
        max_frames: int | None = None,
        clock: Clock = monotonic,
    ) -> None:
        self._source = source
        self._classifier = classifier
        self._sinks = tuple(sinks)
        self._stop = stop or threading.Event()
        self._max_frames = max_frames
        self._clock = clock
        self._times = StageTimes()
        self._results = self._faults = self._drops = 0

    def run(self, start: Start) -> Summary:
        """Announce `start`, classify until the source ends, the limit is reached or somebody stops it.

        A live source is read by a thread and its newest frame wins; of any other every frame is classified.
        Sinks get the summary even when the source or the model fails; then that EdgeclsError is raised.
        """
        started = self._clock()
        try:
            for sink in self._sinks:
                sink.start(start)
            self._classify_all()
        except SinkClosed:
            pass  # nobody reads any more: `edgecls run --json | head` ends here
        except EdgeclsError as error:
            self._say(Fault(str(error), fatal=True))
            raise
        finally:
            summary = self._summary(elapsed_ms(started, self._clock()) / 1e3)
            self._close(summary)
        return summary

    def _classify_all(self) -> None:
        with self._feed() as feed:
            try:
                for captured in feed.frames:
                    self._report_faults()
                    self._classify(captured, feed.drops)
                    if self._max_frames is not None and self._results >= self._max_frames:
                        return
            finally:
                self._drops = feed.drops
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

    def _classify(self, captured: Captured, drops: int) -> None:
        done = self._classifier.classify(captured.frame.pixels)
        stages = StagesMs(captured.capture_ms, done.preprocess_ms, done.invoke_ms, done.decide_ms)
        age_ms = elapsed_ms(captured.frame.captured_ns, done.decided_ns)
        self._record(stages)
        self._results += 1
        result = Result(captured.frame, utc_now(), age_ms, done.prediction, stages, drops)
        for sink in self._sinks:
            sink.result(result)

    def _record(self, stages: StagesMs) -> None:
        add = self._times.add
        add("capture", stages.capture)
        add("preprocess", stages.preprocess)
        add("invoke", stages.invoke)
        add("decide", stages.decide)
        add("whole", stages.whole)

    def _report_faults(self) -> None:
        while self._source.faults:
            self._faults += 1
            self._say(self._source.faults.popleft())

    def _say(self, fault: Fault) -> None:
        for sink in self._sinks:
            sink.fault(fault)

    def _summary(self, seconds: float) -> Summary:
        return Summary(
            frames=self._results,
            drops=self._drops,
            faults=self._faults,
            seconds=seconds,
            stages_ms=self._times.percentiles(),
        )

    def _close(self, summary: Summary) -> None:
        for sink in self._sinks:
            sink.close(summary)
