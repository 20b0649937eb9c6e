"""TerminalSink: one line that lives on a person's terminal, or a line now and then in a log."""

from __future__ import annotations

import contextlib
import shutil
from typing import TextIO

from edgecls.runtime.sinks.sink import QuietSink, Result, SinkClosed, Start, Summary
from edgecls.runtime.sources.source import Fault
from edgecls.runtime.timing import Clock, elapsed_ms, monotonic
from edgecls.runtime.watcher import Event

LIVE_EVERY_MS = 100.0
LOG_EVERY_MS = 60_000.0  # in a log that may run for weeks; events and faults come at once
CLEAR_LINE = "\r\x1b[K"


class TerminalSink(QuietSink):
    """Says on `stream` what is seen: ten times a second on a terminal, else once a minute.

    The error that ends a run is left to the command line, which says it too.
    """

    def __init__(self, stream: TextIO, *, clock: Clock = monotonic) -> None:
        super().__init__("terminal")
        self._stream = stream
        self._clock = clock
        self._is_terminal = stream.isatty()
        self._every_ms = LIVE_EVERY_MS if self._is_terminal else LOG_EVERY_MS
        self._shown_ns: int | None = None
        self._first_ns = 0
        self._results = 0

    def start(self, start: Start) -> None:
        self._line(f"{start.source} -> {start.model} on {start.engine}, {start.threads} threads")

    def result(self, result: Result) -> None:
        now = self._clock()
        if not self._results:
            self._first_ns = now
        self._results += 1
        if self._shown_ns is None or elapsed_ms(self._shown_ns, now) >= self._every_ms:
            self._shown_ns = now
            self._show(describe(result, self._rate(now)))

    def event(self, event: Event) -> None:
        self._line(describe_event(event))

    def fault(self, fault: Fault) -> None:
        if not fault.fatal:
            self._line(fault.message)

    def close(self, summary: Summary) -> None:
        with contextlib.suppress(SinkClosed):
            self._line(
                f"{summary.frames} frames in {summary.seconds:.1f} s ({summary.results_per_s:.1f} a second), "
                f"{summary.losses.drops} dropped, {summary.losses.stale} too old, {summary.faults} faults"
            )

    def _rate(self, now: int) -> float:
        """Results a second, from the first one on."""
        seconds = elapsed_ms(self._first_ns, now) / 1e3
        return (self._results - 1) / seconds if seconds > 0 else 0.0

    def _show(self, text: str) -> None:
        if self._is_terminal:
            width = shutil.get_terminal_size().columns
            self._put(CLEAR_LINE + text[: width - 1])
        else:
            self._line(text)

    def _line(self, text: str) -> None:
        """A line that stays; it takes the place of the live one."""
        self._put((CLEAR_LINE if self._is_terminal else "") + printable(text) + "\n")

    def _put(self, text: str) -> None:
        try:
            self._stream.write(text.encode(errors="replace").decode())
            self._stream.flush()
        except BrokenPipeError as error:
            raise SinkClosed from error


def describe_event(event: Event) -> str:
    """An event in one line."""
    name = printable(event.label)
    if event.duration_s is None:
        return f"{event.time[11:19]} {name} came ({event.confidence:.0%})"
    why = "" if event.reason == "seen" else f", {event.reason}"
    return f"{event.time[11:19]} {name} went after {event.duration_s:.1f} s{why}"


def describe(result: Result, per_s: float) -> str:
    """One result in one line."""
    found = result.prediction
    name = "unknown" if found.unknown else printable(found.label)
    if result.watched:
        name = f"{printable(result.seen.label) if result.seen else '-'} ({name})"
    lost = result.losses.drops + result.losses.stale
    return (
        f"frame {result.frame.index}  {name} {found.confidence:.0%}  age {result.age_ms:.0f} ms  "
        f"{result.stages_ms.whole:.1f} ms  {per_s:.1f}/s  dropped {lost}"
    )


def printable(text: str) -> str:
    """Text that cannot move a terminal's cursor: a label or a file's name may hold escape sequences."""
    return "".join(character if character.isprintable() else "?" for character in text)
