"""Spool: events that wait on disk until they are sent, and outlive a kill."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from edgecls.errors import EdgeclsError, UsageError
from edgecls.runtime.sinks.json_lines import json_line
from edgecls.runtime.sinks.records import event_record
from edgecls.runtime.sinks.trouble import Trouble
from edgecls.runtime.sources.source import Fault
from edgecls.runtime.watcher import Event

# Where they stand in the file's first 100 bytes: https://www.sqlite.org/fileformat.html#the_database_header
MAGIC = b"SQLite format 3\0"
APPLICATION_ID = 0x65636C73
SCHEMA = 1
LOCK_S = 1.0
BATCH = 100
TABLE = "CREATE TABLE events (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, body TEXT)"
SURPLUS = "DELETE FROM events WHERE number IN (SELECT number FROM events ORDER BY number LIMIT ?)"


@dataclass(frozen=True)
class Waiting:
    """An event that waits: `body` is its JSON, which holds `id` too."""

    id: str
    body: str


class Spool:
    """A queue of events in the SQLite file `path`, for one run at a time; from any thread.

    Beyond `limit` the oldest are lost and counted in `dropped`. When the disk takes nothing, the newest `kept` wait in
    memory. What fails, and what was lost, stands in `faults`. A damaged file is set aside under another name. Raises
    UsageError for a file that is no spool, of a newer schema, in use, or that cannot be written.
    """

    def __init__(self, path: Path, *, limit: int = 10_000, kept: int = 1_000) -> None:
        if limit < 1:
            raise UsageError(f"a spool holds at least 1 event, found {limit}; choose more")
        self.path, self.dropped = path, 0
        self.faults: deque[Fault] = deque()
        self._limit, self._kept = limit, kept
        self._lock = threading.RLock()
        self._memory: deque[Waiting] = deque()
        self._sent: set[str] = set()
        self._closed = False
        self._disk = Trouble(f"spool {path}", self.faults)
        self._room = Trouble(f"spool {path}", self.faults)
        self._database = _open(path, self.faults)
        self._count = int(self._database.execute("SELECT count(*) FROM events").fetchone()[0])

    def __len__(self) -> int:
        with self._lock:
            return self._count - len(self._sent) + len(self._memory)

    def add(self, event: Event) -> str:
        """Accept an event and give its id; it is on the disk then, or in memory and that is told."""
        id = str(uuid.uuid4())
        body = json_line("event", {"id": id, **event_record(event)})
        with self._lock:
            if not self._closed:
                self._memory.append(Waiting(id, body))
                self._write()
                self._bound_memory()
        return id

    def oldest(self) -> Waiting | None:
        """What waits longest. Raises EdgeclsError when the disk cannot be read."""
        with self._lock:
            if self._closed:
                return None
            try:
                rows = self._database.execute(
                    "SELECT id, body FROM events ORDER BY number LIMIT ?", (len(self._sent) + 1,)
                ).fetchall()
            except sqlite3.Error as error:
                raise EdgeclsError(f"{self.path}: the spool cannot be read ({error}); start again") from error
            stored = (Waiting(id, body) for id, body in rows if id not in self._sent)
            return next(stored, self._memory[0] if self._memory else None)

    def remove(self, id: str) -> None:
        """It is sent, or nobody takes it: it does not come again."""
        with self._lock:
            if self._closed:
                return
            kept = [waiting for waiting in self._memory if waiting.id != id]
            if len(kept) == len(self._memory):
                self._sent.add(id)
            self._memory = deque(kept)
            self._write()
            if not len(self):
                self._room.worked()

    def close(self) -> None:
        """Write what is in memory, if that is possible now, and let the file go."""
        with self._lock:
            if self._closed:
                return
            self._write()
            self._closed = True
            if self._memory:
                self.faults.append(
                    Fault(f"spool {self.path}: {len(self._memory)} events are lost at the end")
                )
            with contextlib.suppress(sqlite3.Error):
                self._database.close()

    def _write(self) -> None:
        """Bring the file up to date, as far as the disk allows."""
        try:
            self._forget_sent()
            while self._memory:
                self._store([self._memory[i] for i in range(min(BATCH, self._limit, len(self._memory)))])
            self._disk.worked()
        except sqlite3.Error as error:
            self._disk.failed(f"cannot be written ({error}), the newest {self._kept} events wait in memory")

    def _forget_sent(self) -> None:
        if not self._sent:
            return
        with self._transaction():
            ids = [(id,) for id in self._sent]
            removed = self._database.executemany("DELETE FROM events WHERE id = ?", ids).rowcount
        self._count -= removed
        self._sent.clear()

    def _store(self, rows: list[Waiting]) -> None:
        surplus = max(0, self._count + len(rows) - self._limit)
        with self._transaction():
            self._database.execute(SURPLUS, (surplus,))
            values = [(row.id, row.body) for row in rows]
            self._database.executemany("INSERT INTO events (id, body) VALUES (?, ?)", values)
        self._count += len(rows) - surplus
        for _ in rows:
            self._memory.popleft()
        self._lose(surplus)

    def _bound_memory(self) -> None:
        surplus = max(0, len(self._memory) - self._kept)
        for _ in range(surplus):
            self._memory.popleft()
        self._lose(surplus)

    def _lose(self, count: int) -> None:
        self.dropped += count
        if count:
            self._room.failed(f"is full with {len(self)} events, the oldest are lost")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
            raise


def _open(path: Path, faults: deque[Fault]) -> sqlite3.Connection:
    """The spool at `path`, made if there is none; a damaged one is set aside first."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _check_kind(path)
        try:
            return _connect(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            aside = _set_aside(path)
            faults.append(Fault(f"spool {path}: is damaged ({error}); it was set aside as {aside.name}"))
            return _connect(path)
    except (OSError, sqlite3.OperationalError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"{path}: expected a spool that this run alone can write, found: {reason}; choose another path"
        ) from error


def _check_kind(path: Path) -> None:
    """Raise UsageError for what is not ours. Nothing, and the zeros that a power cut may leave, are."""
    if path.exists() and not path.is_file():
        raise UsageError(f"{path}: expected a spool or nothing, found no regular file; choose another path")
    if not path.exists():
        return
    with path.open("rb") as file:
        head = file.read(100)
    if not head.strip(b"\0"):
        return
    if head[:16] != MAGIC or int.from_bytes(head[68:72], "big") != APPLICATION_ID:
        raise UsageError(f"{path}: expected a spool or nothing, found another file; choose another path")
    schema = int.from_bytes(head[60:64], "big")
    if schema > SCHEMA:
        raise UsageError(f"{path}: expected a spool of schema {SCHEMA}, found {schema}; update edgecls")


def _connect(path: Path) -> sqlite3.Connection:
    """Open, lock and check. Raises sqlite3.DatabaseError, and no child of it, for a damaged file."""
    database = sqlite3.connect(path, timeout=LOCK_S, isolation_level=None, check_same_thread=False)
    try:
        database.text_factory = lambda data: data.decode(errors="replace")
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        # The journal keeps its place on the disk, so that what was sent can be removed when the disk is full.
        database.execute("PRAGMA journal_mode = PERSIST")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("BEGIN EXCLUSIVE")
        if not database.execute("PRAGMA user_version").fetchone()[0]:
            database.execute(TABLE)
            database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            database.execute(f"PRAGMA user_version = {SCHEMA}")
        database.execute("COMMIT")
        database.execute("SELECT number, id, body FROM events LIMIT 0")
        found = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(found.splitlines()[-1])
        return database
    except BaseException:
        database.close()
        raise


def _set_aside(path: Path) -> Path:
    """Rename a file and its journal; gives the new name."""
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    journal = path.with_name(f"{path.name}-journal")
    if journal.exists():
        journal.rename(aside.with_name(f"{aside.name}-journal"))
    path.rename(aside)
    return aside
