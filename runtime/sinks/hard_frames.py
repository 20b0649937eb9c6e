"""HardFramesSink: saves the frames that are worth labelling, and never fills the disk."""

from __future__ import annotations

import contextlib
import heapq
import os
import re
import secrets
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from edgecls.errors import UsageError
from edgecls.files import utc_time
from edgecls.prediction import Prediction
from edgecls.runtime.sinks.json_lines import json_line
from edgecls.runtime.sinks.records import result_record
from edgecls.runtime.sinks.sink import QuietSink, Result
from edgecls.runtime.sinks.trouble import Trouble
from edgecls.runtime.timing import Clock, monotonic
from edgecls.runtime.watcher import Event

QUALITY = 92  # of JPEG
OLDEST_KNOWN = 256
SLACK_BLOCKS = 4  # two files end within a block, and the folders may grow by one
STALE_S = 60.0  # a temporary file that is older was left by a kill
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
OWN = re.compile(r"\d{8}T\d{12}Z-[0-9a-f]{6}-\d{9,}-[\w-]+\.(jpg|json)")
PARTIAL = re.compile(rf"\.{OWN.pattern}\.part")
_Own = tuple[str, Path, int]  # name, path, bytes: sorts by time, a picture before its JSON


class HardFramesSink(QuietSink):
    """Saves uncertain and changing frames as FOLDER/YYYY-MM-DD/TIME-RUN-FRAME-LABEL.jpg and .json, in UTC.

    A frame is uncertain when it is unknown or the best label is less than `margin` above the second; it is changing
    when an event came with it. At most one in `every_s` is saved. Beyond `quota_mb` the oldest of these files go,
    other files are never touched or counted. Nothing is saved while `free_mb` or less would be free on the disk. Raises
    UsageError for values that make no sense and a folder that cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        *,
        margin: float = 0.2,
        every_s: float = 2.0,
        quota_mb: float = 500.0,
        free_mb: float = 500.0,
        clock: Clock = monotonic,
    ) -> None:
        super().__init__(f"hard frames {folder}")
        _check(margin, every_s, quota_mb, free_mb)
        self._margin, self._every_s, self._free_bytes = margin, every_s, int(free_mb * 1e6)
        self._folder, self._clock = _make_folder(folder), clock
        self._quota = _Quota(folder, int(quota_mb * 1e6))
        self._trouble = Trouble(self.name, self.faults, clock=clock)
        self._run = secrets.token_hex(3)  # two runs never choose the same name
        self._next_ns = clock()
        self._changing = False

    def event(self, event: Event) -> None:
        """Mark the result that comes with it; that frames stopped coming says nothing of a frame."""
        self._changing |= event.reason == "seen"

    def result(self, result: Result) -> None:
        reason = self._reason(result.prediction)
        self._changing = False
        now = self._clock()
        if not reason or now < self._next_ns:
            return
        self._next_ns = now + int(self._every_s * 1e9)
        try:
            failure = self._save(result, reason)
        except (OSError, cv2.error) as error:
            failure = f"cannot be written ({getattr(error, 'strerror', None) or type(error).__name__})"
        self._trouble.failed(f"{failure}, nothing is saved") if failure else self._trouble.worked()

    def _reason(self, found: Prediction) -> str:
        if self._changing:
            return "changing"
        if found.unknown:
            return "unknown"
        return "uncertain" if margin(found) < self._margin else ""

    def _save(self, result: Result, reason: str) -> str:
        """Save a frame; gives why it was not, or nothing. Raises OSError and cv2.error."""
        if full := self._full(0):
            return full
        written, data = cv2.imencode(".jpg", result.frame.pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        if not written:
            return "a frame cannot be made a JPEG"
        picture = data.tobytes()
        record = (json_line("result", {**result_record(result), "hard": reason}) + "\n").encode()
        size = len(picture) + len(record)
        if not self._quota.make_room(size):
            return f"one frame is more than the {self._quota.limit / 1e6:g} MB allowed"
        if full := self._full(size):
            return full
        _write(self._name(result), picture, record)
        self._quota.used += size
        return ""

    def _full(self, size: int) -> str:
        """Say so when writing `size` bytes more would leave too few free."""
        disk = os.statvfs(self._folder)
        left = (disk.f_bavail - SLACK_BLOCKS) * disk.f_frsize - size
        return "" if left >= self._free_bytes else f"{self._free_bytes / 1e6:g} MB must stay free on the disk"

    def _name(self, result: Result) -> Path:
        """Where a result goes, without a suffix; no two results share one."""
        at = utc_time(result.unix_ns)
        label = "unknown" if result.prediction.unknown else safe(result.prediction.label)
        stem = f"{at:%Y%m%dT%H%M%S%fZ}-{self._run}-{result.frame.index:09d}-{label}"
        return _free_name(self._folder / f"{at:%Y-%m-%d}", stem)


class _Quota:
    """Keeps our files below a folder within `limit` bytes; `used` is what they take now."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder, self.limit = folder, limit
        self.measure()

    def measure(self) -> None:
        """Look at the disk again: somebody may have taken files away."""
        self.used = 0
        self._oldest = deque(heapq.nsmallest(OLDEST_KNOWN, self._counted()))

    def make_room(self, size: int) -> bool:
        """Delete the oldest until `size` bytes more fit; False when they never will. Raises OSError."""
        while size <= self.limit < self.used + size:
            if not self._oldest:
                self.measure()
            if self.used + size > self.limit:
                self._delete_oldest()
        return size <= self.limit

    def _delete_oldest(self) -> None:
        """A picture and its JSON, and their folder when it is empty then."""
        first = self._oldest[0][1]
        while self._oldest and self._oldest[0][1].stem == first.stem:
            _, path, size = self._oldest.popleft()
            path.unlink(missing_ok=True)
            self.used -= size
        with contextlib.suppress(OSError):
            first.parent.rmdir()

    def _counted(self) -> Iterator[_Own]:
        for path, size in _files(self._folder, OWN):
            self.used += size
            yield path.name, path, size


def margin(found: Prediction) -> float:
    """How far the best label is above the second, as probabilities; 1 where there is no second."""
    if len(found.top) >= 2:
        return found.top[0][1] - found.top[1][1]
    if len(found.scores) < 2:
        return 1.0
    second, best = np.partition(found.scores, -2)[-2:]
    return float(best - second)


def safe(label: str) -> str:
    """A label as part of a file's name: letters, digits, - and _."""
    return re.sub(r"[^\w-]+", "_", label)[:40] or "_"


def _files(folder: Path, pattern: re.Pattern[str]) -> Iterator[tuple[Path, int]]:
    """Files whose name is like `pattern` and their bytes, in the folders of days; links are not followed."""
    for day in _entries(folder):
        if DAY.fullmatch(day.name) and day.is_dir(follow_symlinks=False):
            for entry in _entries(Path(day.path)):
                if pattern.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    with contextlib.suppress(FileNotFoundError):
                        yield Path(entry.path), entry.stat(follow_symlinks=False).st_size


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with contextlib.suppress(FileNotFoundError, PermissionError), os.scandir(folder) as entries:
        yield from entries


def _free_name(place: Path, stem: str) -> Path:
    """`stem` in `place`, with a number when it is taken."""
    path, number = place / stem, 1
    while path.with_name(f"{path.name}.jpg").exists():
        number += 1
        path = place / f"{stem}-{number}"
    return path


def _write(target: Path, picture: bytes, record: bytes) -> None:
    """Both files or none; the JSON comes first, so that a picture always has it."""
    target.parent.mkdir(exist_ok=True)
    final = [target.with_name(f"{target.name}.json"), target.with_name(f"{target.name}.jpg")]
    partial = [path.with_name(f".{path.name}.part") for path in final]
    try:
        for path, content in zip(partial, (record, picture), strict=True):
            _write_through(path, content)
        for path, name in zip(partial, final, strict=True):
            path.rename(name)
    except OSError:
        for path in (*partial, final[0]):
            path.unlink(missing_ok=True)
        raise


def _write_through(path: Path, data: bytes) -> None:
    """Onto the disk itself: after a power cut a renamed file may be empty otherwise."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _check(margin: float, every_s: float, quota_mb: float, free_mb: float) -> None:
    if not 0 <= margin <= 1:
        raise UsageError(f"the margin of hard frames is a probability from 0 to 1, found {margin}")
    if not every_s >= 0:
        raise UsageError(f"seconds between hard frames cannot be negative, found {every_s}")
    if not (quota_mb > 0 and free_mb >= 0):
        raise UsageError(
            f"hard frames need a quota above 0 MB, found {quota_mb}, and {free_mb} MB to stay free"
        )


def _make_folder(folder: Path) -> Path:
    """The folder, made if there is none; what a kill left half written in it is removed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{folder}: expected a folder for hard frames, found: {error.strerror}; choose another"
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(
            f"{folder}: expected a folder that can be written, found no right to; choose another"
        )
    for path, _ in _files(folder, PARTIAL):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > STALE_S:
                path.unlink()
    return folder
