"""Outlets: each sink on a thread of its own behind a bounded queue, so that none can hold up the pipeline."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from edgecls.errors import DeviceError, EdgeclsError
from edgecls.runtime.sinks.sink import Result, Sink, SinkClosed, Start, Summary
from edgecls.runtime.sources.source import Fault
from edgecls.runtime.watcher import Event

RESULTS_KEPT = 64  # two seconds of a camera; a sink that is further behind shows what is long over
REST_KEPT = 10_000  # events and faults
CLOSE_S = 5.0

Message = Start | Result | Event | Fault


class Outlet:
    """Gives a sink what comes, in order, on its own thread.

    Of a live source, the oldest waiting result makes room for a newer one and counts in `unsent`; events and faults
    wait in a queue of their own size. When `lossless`, as for files, `put` waits for room instead.
    """

    def __init__(self, sink: Sink, *, lossless: bool = False) -> None:
        self.sink = sink
        self.unsent = 0
        self._takes: dict[type[Message], Callable[[Any], None]] = {
            Start: sink.start, Result: sink.result, Event: sink.event, Fault: sink.fault
        }  # fmt: skip
        self._lossless = lossless
        self._changed = threading.Condition()
        self._waiting: deque[Message] = deque()
        self._results = 0
        self._summary: Summary | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"edgecls-{sink.name}", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def put(self, message: Message) -> None:
        """Hand a message over. Raises SinkClosed or EdgeclsError when the sink came to its end."""
        with self._changed:
            self.check()
            if isinstance(message, Result):
                self._make_room()
                self._results += 1
            elif len(self._waiting) - self._results >= REST_KEPT:
                self.unsent += 1
                return
            self._waiting.append(message)
            self._changed.notify_all()

    def check(self) -> None:
        """Raise what the sink died of: SinkClosed as it is, anything else as an EdgeclsError."""
        error = self._error
        if error is None:
            return
        if isinstance(error, SinkClosed | EdgeclsError):
            raise error
        raise DeviceError(f"{self.sink.name}: its thread ended with {error!r}; start again") from error

    def end(self, summary: Summary) -> None:
        """Let the sink take what waits and the summary."""
        with self._changed:
            self._summary = summary
            self._changed.notify_all()

    def join(self) -> None:
        """Wait until it has; a sink of a live source that needs longer than a few seconds is left behind."""
        self._thread.join(None if self._lossless else CLOSE_S)

    def _make_room(self) -> None:
        while self._lossless and self._results >= RESULTS_KEPT:
            self._changed.wait()
            self.check()
        if self._results >= RESULTS_KEPT:
            self._waiting.remove(next(one for one in self._waiting if isinstance(one, Result)))
            self._results -= 1
            self.unsent += 1

    def _run(self) -> None:
        try:
            while (message := self._next()) is not None:
                self._takes[type(message)](message)
        except BaseException as error:  # whatever kills this thread must reach the pipeline
            self._die(error)
        try:
            self.sink.close(self._wait_for_summary())
        except BaseException as error:
            self._die(error)

    def _next(self) -> Message | None:
        """The next message; None when all is taken and there will be no other."""
        with self._changed:
            while not self._waiting and self._summary is None:
                self._changed.wait()
            if not self._waiting:
                return None
            message = self._waiting.popleft()
            if isinstance(message, Result):
                self._results -= 1
            self._changed.notify_all()
            return message

    def _wait_for_summary(self) -> Summary:
        with self._changed:
            while self._summary is None:
                self._changed.wait()
            return self._summary

    def _die(self, error: BaseException) -> None:
        with self._changed:
            self._error = self._error or error
            self._waiting.clear()
            self._results = 0
            self._changed.notify_all()


class Outlets:
    """All sinks of a pipeline."""

    def __init__(self, sinks: Sequence[Sink], *, lossless: bool) -> None:
        self._outlets = [Outlet(sink, lossless=lossless) for sink in sinks]

    def begin(self) -> None:
        """Start their threads."""
        for outlet in self._outlets:
            outlet.begin()

    @property
    def unsent(self) -> dict[str, int]:
        """Messages that a sink was too slow to take, by its name."""
        return {outlet.sink.name: outlet.unsent for outlet in self._outlets if outlet.unsent}

    def put(self, message: Message) -> None:
        """Hand a message to every sink. Raises as `Outlet.put` does."""
        for outlet in self._outlets:
            outlet.put(message)

    def put_last(self, fault: Fault) -> None:
        """Hand over the fault that ends everything, to those that still take one."""
        for outlet in self._outlets:
            with contextlib.suppress(SinkClosed, EdgeclsError):
                outlet.put(fault)

    def check(self) -> None:
        """Raise what a sink came to its end by."""
        for outlet in self._outlets:
            outlet.check()

    def faults(self) -> Iterator[Fault]:
        """What sinks had to tell since they were last asked."""
        for outlet in self._outlets:
            while outlet.sink.faults:
                yield outlet.sink.faults.popleft()

    def close(self, summary: Summary) -> None:
        """End them all: together they get no longer than the slowest."""
        for outlet in self._outlets:
            outlet.end(summary)
        for outlet in self._outlets:
            outlet.join()
