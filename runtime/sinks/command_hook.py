"""CommandSink: runs a program of the user's for every event."""

from __future__ import annotations

import contextlib
import os
import selectors
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from pathlib import Path
from typing import IO

from edgecls.errors import UsageError
from edgecls.runtime.sinks.json_lines import event_line
from edgecls.runtime.sinks.sink import QuietSink, Result, Start, Summary
from edgecls.runtime.sinks.terminal import printable
from edgecls.runtime.sinks.trouble import Trouble
from edgecls.runtime.sinks.worker import Worker
from edgecls.runtime.sources.source import Fault
from edgecls.runtime.watcher import Event

LOOK_S = 0.05  # how soon an end is noticed
TAIL_BYTES = 4096  # of what it says on stderr
REASON_LENGTH = 200
OPTIONS = b"EDGECLS_RUN_"


class CommandSink(QuietSink):
    """Runs `command`, split as a shell would but without one, for one event after the other on a thread of its own.

    The event is a line of JSON on its stdin, and EDGECLS_EVENT (enter or leave), EDGECLS_LABEL and EDGECLS_CONFIDENCE
    in its environment. After `limit_s` it is killed with all it started; at the end of a run it, and the events that
    wait, have `close_s`. At most `kept` events wait, the oldest are lost. Raises UsageError for a command that cannot
    be split or whose program is not found.
    """

    def __init__(
        self, command: str, *, limit_s: float = 30.0, close_s: float = 2.0, kept: int = 1_000
    ) -> None:
        self._arguments = _split(command)
        program = Path(self._arguments[0]).name
        super().__init__(f"command {printable(program)}")
        self._program = _find(self._arguments[0])
        self._limit_s, self._close_s, self._kept = limit_s, close_s, kept
        self._trouble = Trouble(self.name, self.faults, then="going on with the next event")
        self._late = Trouble(self.name, self.faults)
        self._changed = threading.Condition()
        self._waiting: deque[Event] = deque()
        self._ends_at: float | None = None  # of time.monotonic, once the run ends
        self._thread = Worker(self._run, name="edgecls-command-runs")

    def start(self, start: Start) -> None:
        self._thread.start()

    def result(self, result: Result) -> None:
        self._thread.check()

    def event(self, event: Event) -> None:
        self._thread.check()
        with self._changed:
            self._waiting.append(event)
            if len(self._waiting) > self._kept:
                self._waiting.popleft()
                self._late.failed(f"is too slow, {self._kept} events wait and the oldest are lost")
            self._changed.notify_all()

    def fault(self, fault: Fault) -> None:
        self._thread.check()

    def close(self, summary: Summary) -> None:
        """Give what runs and what waits its last seconds; then kill the one and forget the other."""
        with self._changed:
            self._ends_at = time.monotonic() + self._close_s
            self._changed.notify_all()
        self._thread.wait(self._close_s + 2)
        self._thread.check()

    def _run(self) -> None:
        while (event := self._next()) is not None:
            self._tell(self._execute(event))

    def _next(self) -> Event | None:
        """The event whose turn it is; None when the run is over."""
        with self._changed:
            if not self._waiting:
                self._late.worked()
            while not self._waiting and self._ends_at is None:
                self._changed.wait()
            if self._waiting and self._ends_at is not None and time.monotonic() >= self._ends_at:
                self.faults.append(Fault(f"{self.name}: {len(self._waiting)} events are lost at the end"))
                return None
            return self._waiting.popleft() if self._waiting else None

    def _tell(self, reason: str) -> None:
        if reason:
            self._trouble.failed(reason)
        else:
            self._trouble.worked()

    def _execute(self, event: Event) -> str:
        """Run it to its end, or to the end of its time; gives why it failed, or nothing."""
        try:
            process = subprocess.Popen(
                self._arguments, executable=self._program, env=_environment(event),
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                start_new_session=True,  # the group that is killed, and out of reach of Ctrl-C
            )  # fmt: skip
        except OSError as error:
            return f"cannot be started ({error.strerror or error})"
        assert process.stdin is not None
        assert process.stderr is not None
        with process.stderr as stderr:
            _give(process.stdin, event)
            tail = self._watch(process, stderr)
        return self._reason(process, tail)

    def _watch(self, process: subprocess.Popen[bytes], stderr: IO[bytes]) -> bytes:
        """Wait for the end and kill what has no time left; gives the last bytes of stderr.

        Its end, and not that of stderr, counts: something it left in the background may hold stderr open.
        """
        limit_at, tail, mine = time.monotonic() + self._limit_s, b"", True
        os.set_blocking(stderr.fileno(), False)
        with selectors.DefaultSelector() as selector:
            selector.register(stderr, selectors.EVENT_READ)
            while process.poll() is None:
                if mine and time.monotonic() >= min(limit_at, self._ends_at or limit_at):
                    mine = self._kill(process)
                elif not (selector.get_map() and selector.select(LOOK_S)):
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(LOOK_S if not selector.get_map() else 0)
                elif not (chunk := os.read(stderr.fileno(), TAIL_BYTES)):
                    selector.unregister(stderr)
                else:
                    tail = (tail + chunk)[-TAIL_BYTES:]
        return (tail + _rest(stderr))[-TAIL_BYTES:]

    def _kill(self, process: subprocess.Popen[bytes]) -> bool:
        """Kill it and all it started; False when it became another user's, as under sudo: it is waited for then."""
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except PermissionError:
            self._trouble.failed("has no time left and may not be killed, as it runs as another user")
            return False
        process.wait()
        return True

    def _reason(self, process: subprocess.Popen[bytes], tail: bytes) -> str:
        code = process.returncode
        if code == 0:
            return ""
        lines = tail.decode(errors="replace").strip().splitlines()
        said = f": {printable(lines[-1])[:REASON_LENGTH]}" if lines else ""
        if code == -signal.SIGKILL:
            return (
                f"was killed, it may take {self._limit_s:g} s, {self._close_s:g} s at the end of a run{said}"
            )
        return f"ended by signal {-code}{said}" if code < 0 else f"ended with exit code {code}{said}"


def _split(command: str) -> list[str]:
    try:
        arguments = shlex.split(command)
    except ValueError as error:
        raise UsageError(
            f"expected a command with its arguments, found: {error}; check its quotes"
        ) from error
    if not arguments or "\0" in command:
        raise UsageError("expected a command with its arguments, found none; name a program")
    return arguments


def _find(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise UsageError(
            f"expected a program that can be run, found none called '{program}'; check its path and rights"
        )
    return str(Path(found).absolute())


def _environment(event: Event) -> dict[bytes, bytes]:
    """Ours, without the run's own options, and the event's.

    Options may be passwords. A label may hold what the locale cannot encode, and a NUL ends a variable.
    """
    own = {"EVENT": event.kind, "LABEL": event.label, "CONFIDENCE": f"{event.confidence:.6f}"}
    told = {f"EDGECLS_{key}".encode(): value.encode(errors="replace") for key, value in own.items()}
    ours = {key: value for key, value in os.environb.items() if not key.startswith(OPTIONS)}
    return ours | {key: value.replace(b"\0", b"") for key, value in told.items()}


def _give(stdin: IO[bytes], event: Event) -> None:
    """Write the event and close; a program that does not read it may be gone already."""
    with contextlib.suppress(BrokenPipeError), stdin:
        stdin.write((event_line(event) + "\n").encode())


def _rest(stderr: IO[bytes]) -> bytes:
    """What still lies in the pipe, which holds 64 KiB; never waits."""
    tail = b""
    with contextlib.suppress(BlockingIOError):
        while len(chunk := os.read(stderr.fileno(), 1 << 16)):
            tail = chunk
    return tail
