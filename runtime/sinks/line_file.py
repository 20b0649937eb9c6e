"""LineFile: lines at the end of a file that never grows beyond a size."""

from __future__ import annotations

import io
import os
from pathlib import Path

from edgecls.errors import UsageError
from edgecls.runtime.timing import Clock, elapsed_ms, monotonic

LOOK_MS = 1000.0


class LineFile:
    """Appends whole lines to `path`; when it would exceed `max_bytes` it becomes PATH.1, that PATH.2, up to `keep`.

    `header` is the first line of every file. A line that a kill or a full disk tore off is ended before the next one.
    A file that somebody removed or moved away meanwhile is begun anew. Raises UsageError when it cannot be opened.
    """

    def __init__(
        self, path: Path, *, max_bytes: int, keep: int, header: str = "", clock: Clock = monotonic
    ) -> None:
        self._path, self._max_bytes, self._keep, self._header = path, max_bytes, keep, header
        self._clock, self._looked_ns = clock, clock()
        self._torn = False
        try:
            self._open()
        except OSError as error:
            raise UsageError(
                f"{path}: expected a file that can be written, found: {error.strerror}; choose another"
            ) from error

    def write(self, line: str) -> None:
        """Append a line, given without its end, and hand it to the system. Raises OSError when there is no room."""
        self._look()
        data = line.encode(errors="surrogateescape") + b"\n"
        if self._size + len(data) > self._max_bytes and self._size > len(self._header) + 1:
            self._rotate()
        self._append(data)

    def close(self) -> None:
        self._file.close()

    def _look(self) -> None:
        """Now and then: is the file still the one that has this name?"""
        now = self._clock()
        if elapsed_ms(self._looked_ns, now) < LOOK_MS:
            return
        try:
            there = os.path.samestat(self._path.stat(), os.fstat(self._file.fileno()))
        except FileNotFoundError:
            there = False
        if not there:
            gone = self._file
            self._open()
            gone.close()
        self._looked_ns = now  # not before: what raises here is tried again with the next line

    def _append(self, data: bytes) -> None:
        if self._torn:
            data = b"\n" + data
        if not self._size and self._header:
            data = self._header.encode() + b"\n" + data
        self._torn = True  # until all of it is there
        written = 0
        while written < len(data):
            count = self._file.write(data[written:]) or 0
            written += count
            self._size += count
        self._torn = False

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = io.FileIO(self._path, "a+")
        self._size = self._file.seek(0, os.SEEK_END)
        self._torn = False
        if self._size:
            self._file.seek(-1, os.SEEK_END)
            self._torn = self._file.read(1) != b"\n"

    def _rotate(self) -> None:
        self._file.close()
        for number in range(self._keep, 0, -1):
            older = self._numbered(number - 1)
            if older.exists():
                older.replace(self._numbered(number))
        if not self._keep:
            self._path.unlink()
        self._open()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path
