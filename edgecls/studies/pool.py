"""Training the groups of a study on this machine, a worker process for each of `jobs`."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from edgecls.errors import DeviceError
from edgecls.studies.result import CellResult
from edgecls.studies.work import Group, Step, failed, train_group
from edgecls.studies.workers import Done, Worker, ready, stop_workers

Hear = Callable[[CellResult | Step], None]


@dataclass
class Turn:
    """A group at work, and how many of its cells have a result."""

    group: Group
    done: int = 0

    def rest(self) -> Group:
        return replace(self.group, cells=self.group.cells[self.done :])


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def train_groups(groups: Sequence[Group], *, jobs: int, hear: Hear) -> None:
    """Train all groups, at most `jobs` at once; `hear` gets every Step and every CellResult.

    A process that dies fails the cell it was at; a new one takes the rest of its group. Ctrl-C stops all: runs keep
    what they have.
    """
    waiting, idle, busy = deque(groups), list[Worker](), dict[Worker, Turn]()
    threads = max(1, cores() // max(1, min(jobs, len(groups))))
    try:
        while waiting or busy:
            while waiting and len(busy) < jobs:
                worker = idle.pop() if idle else Worker(threads=threads)
                busy[worker] = Turn(waiting.popleft())
                worker.give(train_group, busy[worker].group)
            for worker in ready(list(busy)):
                _hear_worker(worker, busy, idle, waiting=waiting, hear=hear)
    finally:
        stop_workers([*busy, *idle])


def _hear_worker(
    worker: Worker, busy: dict[Worker, Turn], idle: list[Worker], *, waiting: deque[Group], hear: Hear
) -> None:
    """Take one message of a worker, or its death."""
    turn = busy[worker]
    try:
        message = worker.receive()
    except DeviceError as error:
        del busy[worker]
        worker.end()
        waiting.extendleft(give_up(turn, str(error), hear))
        return
    if isinstance(message, Done):
        del busy[worker]
        idle.append(worker)
        while message.error and turn.rest().cells:
            give_up(turn, message.error, hear)
        return
    turn.done += isinstance(message, CellResult)
    hear(message)


def give_up(turn: Turn, reason: str, hear: Hear) -> list[Group]:
    """Fail the cell that a group was at, and give what is left of the group, if anything is.

    A process may also die when its last cell is done; then there is nothing to fail and nothing left.
    """
    if not turn.rest().cells:
        return []
    keyed = turn.rest().cells[0]
    hear(failed(keyed.cell, reason, key=keyed.key, versions=turn.group.versions))
    turn.done += 1
    return [turn.rest()] if turn.rest().cells else []
