"""Spool: what was accepted outlives a kill under its id, a full disk is told, and no other file is harmed."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from edgecls.errors import UsageError
from edgecls.runtime.sinks.spool import APPLICATION_ID, SCHEMA, Spool
from edgecls.runtime.watcher import Event

KILLED = """
import sys
from pathlib import Path
from edgecls.runtime.sinks.spool import Spool
from edgecls.runtime.watcher import Event
spool = Spool(Path(sys.argv[1]))
for index in range(100_000):
    print(spool.add(Event("enter", 0, "red", 0.9, index, "t")), flush=True)
"""


def make_event(index: int, label: str = "red") -> Event:
    return Event("enter", 0, label, 0.9, index, "2026-11-22T10:00:00+00:00")


def drain(spool: Spool) -> list[tuple[str, int]]:
    """The id and frame of everything that waits, in order; it is gone then."""
    found = []
    while (waiting := spool.oldest()) is not None:
        found.append((waiting.id, json.loads(waiting.body)["frame"]))
        spool.remove(waiting.id)
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool" / "events.db"


def test_events_come_out_in_order_with_the_ids_they_were_accepted_under(path: Path) -> None:
    spool = Spool(path)
    ids = [spool.add(make_event(index)) for index in range(5)]
    spool.remove(ids[0])
    spool.close()
    with closing(Spool(path)) as again:
        assert len(again) == 4
        assert drain(again) == list(zip(ids, range(5), strict=True))[1:]
        assert again.oldest() is None


def test_what_waits_is_the_event_as_json_with_schema_type_and_id(path: Path) -> None:
    with closing(Spool(path)) as spool:
        id = spool.add(make_event(7, "grün"))
        waiting = spool.oldest()
        assert waiting is not None
        said = {"event": "enter", "label": "grün", "index": 0, "confidence": 0.9, "frame": 7}
        about = {"schema": 1, "type": "event", "id": id, "time": "2026-11-22T10:00:00+00:00"}
        assert json.loads(waiting.body) == about | said


def test_nothing_accepted_is_lost_by_a_kill_in_the_middle(path: Path) -> None:
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        accepted = [process.stdout.readline().strip() for _ in range(30)]
        process.kill()
        accepted += process.stdout.read().split("\n")[:-1]  # a line that the kill tore off was not told
        process.wait()
        process.stdout.close()
        with closing(Spool(path)) as spool:
            assert not spool.faults
            stored = drain(spool)
        ids = [id for id, _ in stored]
        assert ids[: len(accepted)] == accepted
        assert len(ids) <= len(accepted) + 1
        assert [frame for _, frame in stored] == list(range(len(ids)))


def test_beyond_the_limit_the_oldest_go_are_counted_and_that_is_told_once(path: Path) -> None:
    with closing(Spool(path, limit=3)) as spool:
        ids = [spool.add(make_event(index)) for index in range(8)]
        assert (len(spool), spool.dropped) == (3, 5)
        assert [fault.message.split(": ", 1)[1] for fault in spool.faults] == [
            "is full with 3 events, the oldest are lost; going on, and trying again"
        ]
        assert [id for id, _ in drain(spool)] == ids[5:]
        assert spool.faults[-1].recovered_s is not None


@pytest.mark.parametrize("content", [b"notes of mine\n", b"x", b"SQLite format 3\0" + bytes(200)])
def test_a_file_that_is_no_spool_is_refused_and_left_as_it_was(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(UsageError, match="found another file; choose another path"):
        Spool(path)
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_another_programs_database_is_refused(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE events (number, id, body)")
    with pytest.raises(UsageError, match="found another file"):
        Spool(path)


def test_a_spool_of_a_newer_edgecls_is_refused(path: Path) -> None:
    Spool(path).close()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        database.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    with pytest.raises(UsageError, match=f"schema {SCHEMA}, found {SCHEMA + 1}; update edgecls"):
        Spool(path)


def test_two_runs_do_not_share_a_spool(path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(UsageError, match="this run alone can write, found: database is locked"):
            Spool(path)
        process.kill()


def test_a_spool_that_is_only_open_is_in_use_too(path: Path) -> None:
    Spool(path).close()
    with closing(Spool(path)), pytest.raises(UsageError, match="database is locked"):
        Spool(path)


def test_the_journal_keeps_its_place_on_the_disk(path: Path) -> None:
    with closing(Spool(path)) as spool:
        spool.add(make_event(0))
        assert path.with_name("events.db-journal").stat().st_size > 0


def test_a_folder_and_an_impossible_limit_are_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(UsageError, match="no regular file"):
        Spool(path)
    with pytest.raises(UsageError, match="at least 1 event, found 0"):
        Spool(path / "events.db", limit=0)


def test_a_damaged_spool_is_set_aside_and_told_and_a_new_one_begun(path: Path) -> None:
    spool = Spool(path)
    for index in range(200):
        spool.add(make_event(index))
    spool.close()
    whole = path.read_bytes()
    damaged = whole[:4096] + bytes([255]) * (len(whole) - 4096)
    path.write_bytes(damaged)
    with closing(Spool(path)) as again:
        assert len(again) == 0
        (fault,) = again.faults
        (aside,) = path.parent.glob("events.db.damaged-*Z")
        assert "is damaged" in fault.message
        assert aside.name in fault.message
        assert aside.read_bytes() == damaged
        again.add(make_event(0))
        assert [frame for _, frame in drain(again)] == [0]


def test_zeros_that_a_power_cut_left_are_a_damaged_spool(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(bytes(8192))
    with closing(Spool(path)) as spool:
        assert "set aside" in spool.faults[0].message
    assert [aside.stat().st_size for aside in path.parent.glob("*.damaged-*Z")] == [8192]


@pytest.fixture
def small_disk(mount_disk: Callable[[int], Path]) -> Path:
    """A file system of 1024 kB."""
    return mount_disk(1024)


def fill(place: Path) -> Path:
    """Take every byte that is free."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return filler


def test_on_a_full_disk_events_wait_in_memory_until_there_is_room_and_keep_their_order(
    small_disk: Path,
) -> None:
    spool = Spool(small_disk / "events.db")
    ids = [spool.add(make_event(index)) for index in range(10)]
    filler = fill(small_disk)
    ids += [spool.add(make_event(index, "x" * 500)) for index in range(10, 40)]
    assert [fault.message for fault in spool.faults] == [
        f"spool {small_disk / 'events.db'}: cannot be written (database or disk is full), "
        "the newest 1000 events wait in memory; going on, and trying again"
    ]
    filler.unlink()
    ids.append(spool.add(make_event(40)))
    assert spool.faults[-1].recovered_s is not None
    spool.close()
    with closing(Spool(small_disk / "events.db")) as again:
        assert drain(again) == list(zip(ids, range(41), strict=True))


def test_what_was_sent_while_the_disk_is_full_does_not_come_again(small_disk: Path) -> None:
    with closing(Spool(small_disk / "events.db", kept=5)) as spool:
        ids = [spool.add(make_event(index)) for index in range(10)]
        fill(small_disk)
        big = [spool.add(make_event(index, "x" * 5000)) for index in range(10, 30)]
        assert len(spool) < 30
        sent = drain(spool)
        assert [id for id, _ in sent[:10]] == ids
        assert sent[-5:] == list(zip(big, range(10, 30), strict=True))[-5:]
        assert spool.dropped == 30 - len(sent)
        assert spool.dropped > 0
        assert (len(spool), spool.oldest()) == (0, None)


def test_events_that_never_reached_the_disk_are_told_at_the_end(small_disk: Path) -> None:
    spool = Spool(small_disk / "events.db")
    spool.add(make_event(0))
    fill(small_disk)
    for index in range(20):
        spool.add(make_event(index, "x" * 5000))
    waiting = len(spool)
    spool.close()
    with closing(Spool(small_disk / "events.db")) as again:
        lost = waiting - len(again)
    assert lost > 0
    assert spool.faults[-1].message.endswith(f"{lost} events are lost at the end")
