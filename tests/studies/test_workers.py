"""A worker process may die without harm to its parent, and does not outlive it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from edgecls.errors import DeviceError, EdgeclsError
from edgecls.studies.workers import Worker, call, stop_workers

MADE = """
import os, signal, time
from edgecls.errors import EdgeclsError

def double(order, send):
    send(2 * order)
    send(os.environ["TF_NUM_INTRAOP_THREADS"])

def die(order, send):
    os.kill(os.getpid(), order)
    time.sleep(60)

def leave(order, send):
    os._exit(order)

def refuse(order, send):
    raise EdgeclsError(order)

def keep(order, send):
    try:
        send("waiting")
        time.sleep(60)
    except KeyboardInterrupt:
        for part in range(3):
            time.sleep(0.2)
            send("x" * 100_000)  # more than a pipe holds
        open(order, "w").close()
        raise

def wait(order, send):
    try:
        send("waiting")
        time.sleep(60)
    except KeyboardInterrupt:
        send("interrupted")
        raise
"""

PARENT = """
import sys, time
from edgecls.studies.workers import Worker
import made_work
worker = Worker(threads=1)
worker.give(made_work.wait, None)
worker.receive()
print(worker._process.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def made_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of work that a new process can import, as its search path is its parent's."""
    (tmp_path / "made_work.py").write_text(MADE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "made_work", raising=False)
    import made_work  # type: ignore[import-not-found]

    return made_work


def test_a_worker_sends_what_it_found_and_has_its_threads(made_work: Any) -> None:
    heard: list[object] = []
    call(made_work.double, 21, threads=3, hear=heard.append)
    assert heard == [42, "3"]


def test_an_error_in_a_worker_is_the_same_sentence_here(made_work: Any) -> None:
    with pytest.raises(EdgeclsError, match=r"^no photos$"):
        call(made_work.refuse, "no photos", threads=1, hear=print)


@pytest.mark.parametrize(
    ("work", "order", "words"),
    [
        ("die", signal.SIGKILL, "its process was killed by SIGKILL: usually too little memory"),
        ("die", signal.SIGSEGV, "its process was killed by SIGSEGV"),
        ("leave", 3, "its process ended with exit code 3"),
    ],
)
def test_a_worker_that_dies_is_an_error_that_says_how(
    made_work: Any, work: str, order: int, words: str
) -> None:
    with pytest.raises(DeviceError, match=words):
        call(getattr(made_work, work), int(order), threads=1, hear=print)


def test_a_worker_that_is_stopped_is_interrupted_first(made_work: Any) -> None:
    worker = Worker(threads=1)
    worker.give(made_work.wait, None)
    assert worker.receive() == "waiting"
    worker.interrupt()
    assert worker.receive() == "interrupted"
    stop_workers([worker])
    assert not worker._process.is_alive()


def test_workers_that_are_stopped_may_still_say_and_write_what_they_have(
    made_work: Any, tmp_path: Path
) -> None:
    workers = [Worker(threads=1), Worker(threads=1)]
    kept = [tmp_path / "first", tmp_path / "second"]
    for worker, path in zip(workers, kept, strict=True):
        worker.give(made_work.keep, str(path))
        assert worker.receive() == "waiting"
    stop_workers(workers)
    assert all(path.is_file() for path in kept)
    assert not any(worker._process.is_alive() for worker in workers)


def test_a_worker_ends_when_its_parent_is_killed(made_work: Any, tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert is_alive(pid)
    parent.kill()
    parent.wait()
    end = time.monotonic() + 30
    while is_alive(pid):
        assert time.monotonic() < end, "the worker outlived its parent"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except OSError:
        return False
