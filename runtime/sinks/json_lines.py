"""JSON lines: everything a run tells, one object a line, for machines."""

from __future__ import annotations

import json
import os
from typing import Any, TextIO

from edgecls.errors import EdgeclsError
from edgecls.runtime.sinks.line_file import LineFile
from edgecls.runtime.sinks.records import (
    SCHEMA,
    event_record,
    fault_record,
    result_record,
    start_record,
    summary_record,
)
from edgecls.runtime.sinks.sink import QuietSink, Result, SinkClosed, Start, Summary
from edgecls.runtime.sinks.trouble import Trouble
from edgecls.runtime.sources.source import Fault
from edgecls.runtime.watcher import Event


def json_line(type: str, record: dict[str, Any]) -> str:
    """One line, ASCII only, without its end: `schema`, `type` and the record."""
    return json.dumps({"schema": SCHEMA, "type": type, **record})


def event_line(event: Event) -> str:
    """An event as such a line."""
    return json_line("event", event_record(event))


def fault_line(fault: Fault) -> str:
    """What fails, or works again, as such a line."""
    return json_line("error" if fault.recovered_s is None else "recovered", fault_record(fault))


class _JsonSink(QuietSink):
    def start(self, start: Start) -> None:
        self._write(json_line("start", start_record(start)))

    def result(self, result: Result) -> None:
        self._write(json_line("result", result_record(result)))

    def event(self, event: Event) -> None:
        self._write(event_line(event))

    def fault(self, fault: Fault) -> None:
        self._write(fault_line(fault))

    def _write(self, line: str) -> None:
        raise NotImplementedError


class JsonLinesSink(_JsonSink):
    """To a stream, flushed at once. Types: start, result, event, error, recovered, summary.

    When the reader of the pipe goes away the run ends quietly; a stream that cannot be written for another reason
    raises EdgeclsError.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__("JSON lines")
        self._stream = stream
        self._closed = False

    def close(self, summary: Summary) -> None:
        if not self._closed:
            try:
                self._write(json_line("summary", summary_record(summary)))
            except SinkClosed:
                return

    def _write(self, line: str) -> None:
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except BrokenPipeError as error:
            self._abandon()
            raise SinkClosed from error
        except OSError as error:
            self._abandon()
            raise EdgeclsError(f"standard output cannot be written ({error.strerror}); free space") from error

    def _abandon(self) -> None:
        """Let the line that is still buffered go nowhere, or Python complains about it at exit."""
        self._closed = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


class JsonFileSink(_JsonSink):
    """To a file that is rotated. A full disk loses lines, is told, and the run goes on."""

    def __init__(self, file: LineFile, name: str) -> None:
        super().__init__(name)
        self._file = file
        self._trouble = Trouble(name, self.faults)

    def close(self, summary: Summary) -> None:
        self._write(json_line("summary", summary_record(summary)))
        self._file.close()

    def _write(self, line: str) -> None:
        try:
            self._file.write(line)
            self._trouble.worked()
        except OSError as error:
            self._trouble.failed(f"cannot be written ({error.strerror}), lines are lost")
