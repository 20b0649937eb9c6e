"""Locks: one process at a time, and a lock dies with its process; tried with real ones."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from edgecls.errors import EdgeclsError
from edgecls.locks import lock_file, own

HOLD = """
import sys
from pathlib import Path
from edgecls.locks import own
with own(Path(sys.argv[1]), command="edgecls", option="--to"):
    print("held", flush=True)
    sys.stdin.read()
"""
Hold = Callable[[], "subprocess.Popen[str]"]


def mine(target: Path) -> AbstractContextManager[None]:
    return own(target, command="edgecls work", option="--to")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


@pytest.fixture
def hold(target: Path) -> Iterator[Hold]:
    """Starts a process that holds the lock until its stdin ends."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLD, str(target)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_another_process_is_kept_out_until_the_first_ends_and_no_file_stays(target: Path, hold: Hold) -> None:
    first = hold()
    words = "target: another `edgecls work` is at work there; wait until"
    with pytest.raises(EdgeclsError, match=words) as raised, mine(target):
        pass
    assert raised.value.exit_code == 1
    first.communicate()
    assert first.returncode == 0
    assert not lock_file(target).exists()
    with mine(target):
        assert lock_file(target).exists()
    assert not lock_file(target).exists()


def test_what_a_killed_process_leaves_keeps_nobody_out(target: Path, hold: Hold) -> None:
    first = hold()
    first.kill()
    first.wait()
    assert lock_file(target).exists()
    with mine(target):
        pass
    assert not lock_file(target).exists()


def test_an_error_inside_gives_the_lock_back(target: Path) -> None:
    with pytest.raises(ValueError, match="mine"), mine(target):
        raise ValueError("mine")
    with mine(target):
        pass


def test_a_lock_whose_folder_was_moved_away_takes_no_other_lock_with_it(tmp_path: Path) -> None:
    target = tmp_path / "place" / "target"
    target.parent.mkdir()
    with mine(target):
        target.parent.rename(tmp_path / "old")
        target.parent.mkdir()
        lock_file(target).write_bytes(b"of another")
    assert lock_file(target).read_bytes() == b"of another"


@pytest.mark.parametrize("works", [True, False])
def test_a_parent_that_was_made_for_the_lock_alone_does_not_stay(tmp_path: Path, *, works: bool) -> None:
    target = tmp_path / "place" / "target"
    with mine(target):
        if works:
            target.mkdir()
    assert [path.name for path in tmp_path.rglob("*")] == (["place", "target"] if works else [])


def test_a_place_that_cannot_be_written_is_one_sentence_with_the_callers_option(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    words = "file: expected a folder to write in, found none .*; check its permissions or choose another with --to"
    with pytest.raises(EdgeclsError, match=words), mine(tmp_path / "file" / "target"):
        pass


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_worked_on_without(
    target: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(fcntl, "flock", refuse_with(number))
    with mine(target):
        target.write_text("done")
    assert [path.name for path in target.parent.iterdir()] == ["target"]


def test_a_lock_that_is_not_permitted_is_still_refused(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", refuse_with(errno.EACCES))
    with pytest.raises(EdgeclsError, match="check its permissions"), mine(target):
        pass


def refuse_with(number: int) -> Callable[..., None]:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse
