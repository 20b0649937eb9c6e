"""Locks: one process at a time, and a lock dies with its process; tried with real ones."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgecls.errors import EdgeclsError
from edgecls.locks import lock

HOLD = """
import sys
from pathlib import Path
from edgecls.locks import lock
with lock(Path(sys.argv[1]), "busy"):
    print("held", flush=True)
    sys.stdin.read()
"""
Hold = Callable[[], "subprocess.Popen[str]"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".lock"


@pytest.fixture
def hold(path: Path) -> Iterator[Hold]:
    """Starts a process that holds the lock until its stdin ends."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLD, str(path)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_another_process_is_kept_out_until_the_first_ends_and_no_file_stays(path: Path, hold: Hold) -> None:
    first = hold()
    with pytest.raises(EdgeclsError, match="come back later") as raised, lock(path, "come back later"):
        pass
    assert raised.value.exit_code == 1
    first.communicate()
    assert first.returncode == 0
    assert not path.exists()
    with lock(path, "busy"):
        assert path.exists()
    assert not path.exists()


def test_what_a_killed_process_leaves_keeps_nobody_out(path: Path, hold: Hold) -> None:
    first = hold()
    first.kill()
    first.wait()
    assert path.exists()
    with lock(path, "busy"):
        pass
    assert not path.exists()


def test_an_error_inside_gives_the_lock_back(path: Path) -> None:
    with pytest.raises(ValueError, match="mine"), lock(path, "busy"):
        raise ValueError("mine")
    with lock(path, "busy"):
        pass


def test_a_lock_whose_folder_was_moved_away_takes_no_other_lock_with_it(tmp_path: Path) -> None:
    """As when a run is replaced: the old folder is set aside, and a new one of its name is locked."""
    folder = tmp_path / "run"
    folder.mkdir()
    with lock(folder / ".lock", "busy"):
        folder.rename(tmp_path / "old")
        folder.mkdir()
        (folder / ".lock").write_bytes(b"of another")
    assert (folder / ".lock").read_bytes() == b"of another"


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    words = r"gone/\.lock: cannot be made or locked \(No such file"
    with pytest.raises(EdgeclsError, match=words), lock(tmp_path / "gone" / ".lock", "busy"):
        pass
