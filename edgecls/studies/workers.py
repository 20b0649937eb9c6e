"""Worker processes: each does one order after the other, may die without harm, and ends when its parent does."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from edgecls.errors import DeviceError, EdgeclsError

Send = Callable[[Any], None]
Work = Callable[[Any, Send], None]  # a function of a module, so that a new process can import it
STOP_S = 60  # for a run to write what it has
SIGKILL = 9


@dataclass(frozen=True)
class Done:
    """The last message of an order; `error` says why it failed."""

    error: str = ""


class Worker:
    """A process with `threads` threads for TensorFlow, started anew with nothing of this one's memory."""

    def __init__(self, *, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, threads), daemon=True)
        self._process.start()
        theirs.close()

    def give(self, work: Work, order: Any) -> None:
        """Let it do `work(order, send)`; then `receive` what it sends until a Done comes."""
        with suppress(OSError):  # a process that is dead already is told by `receive`
            self.connection.send((work, order))

    def receive(self) -> Any:
        """The next message. Raises DeviceError when the process died."""
        try:
            return self.connection.recv()
        except (EOFError, OSError) as error:
            raise DeviceError(self._death()) from error

    def _death(self) -> str:
        self._process.join(STOP_S)
        code = self._process.exitcode or 0
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        if -code == SIGKILL:
            return f"its process {how}: usually too little memory; take fewer --jobs or a smaller batch_size"
        return f"its process {how}; the last lines above may say why"

    def interrupt(self) -> None:
        """Ctrl-C for the process: a run that is being trained keeps what it has."""
        if self._process.is_alive() and self._process.pid:
            os.kill(self._process.pid, signal.SIGINT)

    def end(self, *, seconds: float = 0) -> None:
        """Wait so long for the process to end by itself, then end it."""
        self.connection.close()
        self._process.join(seconds)
        self._process.kill()
        self._process.join()


def stop_workers(workers: list[Worker]) -> None:
    """Interrupt all, give them time to write what they have, and end them; a second Ctrl-C ends them at once."""
    for worker in workers:
        worker.interrupt()
    deadline = time.monotonic() + STOP_S
    try:
        _hear_out(workers, deadline)
        for worker in workers:
            worker.end(seconds=max(0, deadline - time.monotonic()))
    except KeyboardInterrupt:
        for worker in workers:
            worker.end()


def _hear_out(workers: list[Worker], deadline: float) -> None:
    """Take what they still send until they end; one whose pipe is closed fails at its next message, not at Ctrl-C."""
    speaking = [worker.connection for worker in workers]
    while speaking and (left := deadline - time.monotonic()) > 0:
        for connection in wait(speaking, left):
            assert isinstance(connection, Connection)
            try:
                connection.recv_bytes()
            except (EOFError, OSError):
                speaking.remove(connection)


def call(work: Work, order: Any, *, threads: int, hear: Callable[[Any], None]) -> None:
    """Do one order in a process of its own; `hear` gets what it sends.

    Raises EdgeclsError with its sentence when it fails, DeviceError when the process dies.
    """
    worker = Worker(threads=threads)
    try:
        worker.give(work, order)
        while not isinstance(message := worker.receive(), Done):
            hear(message)
    except BaseException:
        stop_workers([worker])
        raise
    worker.end(seconds=STOP_S)
    if message.error:
        raise EdgeclsError(message.error)


def ready(workers: list[Worker]) -> list[Worker]:
    """Wait until at least one has something to say, and give those that have."""
    found = wait([worker.connection for worker in workers])
    return [worker for worker in workers if worker.connection in found]


def _serve(connection: Connection, threads: int) -> None:
    _settle(threads)
    while True:
        try:
            work, order = connection.recv()
            work(order, connection.send)
            connection.send(Done())
        except EdgeclsError as error:
            connection.send(Done(str(error)))
        except (EOFError, BrokenPipeError, KeyboardInterrupt):
            return


def _settle(threads: int) -> None:
    """A session of its own, so that Ctrl-C of the terminal reaches it once only, through its parent."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    use_threads(threads)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def use_threads(threads: int) -> None:
    """Let TensorFlow, when it is imported, take so many threads, and no more of a GPU's memory than it needs."""
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ["TF_NUM_INTEROP_THREADS"] = "1" if threads == 1 else "2"
    os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
