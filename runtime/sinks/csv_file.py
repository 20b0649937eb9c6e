"""CSV: a row for each result, for spreadsheets."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from edgecls.runtime.sinks.line_file import LineFile
from edgecls.runtime.sinks.sink import QuietSink, Result, Summary
from edgecls.runtime.sinks.trouble import Trouble

COLUMNS = ("time", "frame", "path", "label", "confidence", "unknown", "seen", "age_ms", "invoke_ms", "drops")


class CsvSink(QuietSink):
    """Rows of COLUMNS as RFC 4180 has them, each file with its header. A full disk loses rows and is told."""

    def __init__(self, path: Path, *, max_bytes: int, keep: int) -> None:
        super().__init__(str(path))
        self._file = LineFile(path, max_bytes=max_bytes, keep=keep, header=",".join(COLUMNS))
        self._trouble = Trouble(self.name, self.faults)

    def result(self, result: Result) -> None:
        found, frame = result.prediction, result.frame
        row = (
            *(result.time, frame.index, frame.path or "", found.label, f"{found.confidence:.6f}"),
            *(int(found.unknown), result.seen.label if result.seen else "", f"{result.age_ms:.3f}"),
            *(f"{result.stages_ms.invoke:.3f}", result.losses.drops),
        )
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(row)
        try:
            self._file.write(text.getvalue())
            self._trouble.worked()
        except OSError as error:
            self._trouble.failed(f"cannot be written ({error.strerror}), rows are lost")

    def close(self, summary: Summary) -> None:
        self._file.close()
