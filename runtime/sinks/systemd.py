"""SystemdSink: tells systemd that results come, what is seen, and nothing when no result comes."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from edgecls.runtime.sinks.sink import QuietSink, Result, Start, Summary
from edgecls.runtime.sinks.terminal import printable
from edgecls.runtime.sinks.trouble import Trouble
from edgecls.runtime.sources.source import Fault
from edgecls.runtime.timing import Clock, elapsed_ms, monotonic
from edgecls.runtime.watcher import Event

STATUS_EVERY_MS = 5000.0
SILENT_MS = 1000.0  # a source without a result for longer is lost, whoever reports a fault
RETRY_MS = 1000.0
SEND_S = 0.5  # systemd takes messages at once, but for moments as when it reads its units again
STATUS_BYTES = 1000


def systemd_sink(environment: Mapping[str, str] | None = None) -> SystemdSink | None:
    """The sink that $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID ask for; None when systemd does not listen."""
    given = os.environ if environment is None else environment
    address = given.get("NOTIFY_SOCKET")
    return SystemdSink(address, watchdog_s=_watchdog_s(given)) if address else None


def _watchdog_s(given: Mapping[str, str]) -> float | None:
    """How long systemd waits for a sign of life; None when it does not, or waits for another process.

    https://www.freedesktop.org/software/systemd/man/latest/sd_watchdog_enabled.html
    """
    usec, pid = given.get("WATCHDOG_USEC", ""), given.get("WATCHDOG_PID") or str(os.getpid())
    if pid != str(os.getpid()) or not (usec.isascii() and usec.isdecimal()):
        return None
    return int(usec) / 1e6 or None


class SystemdSink(QuietSink):
    """Speaks sd_notify to the datagram socket at `address`, a path, or "@" and an abstract name.

    READY=1 goes with the first result, WATCHDOG=1 with later ones, a quarter of `watchdog_s` apart or more. Nothing
    else sends them, so that a run without results is started anew.
    https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
    """

    def __init__(self, address: str, *, watchdog_s: float | None = None, clock: Clock = monotonic) -> None:
        super().__init__("systemd")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._feed_every_ms = None if watchdog_s is None else watchdog_s * 1e3 / 4
        self._clock = clock
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(SEND_S)
        self._trouble = Trouble(self.name, self.faults, clock=clock)
        self._tried_ns = 0
        self._ready = self._fatal = False
        self._fed_ns = self._told_ns = self._result_ns = 0
        self._counted_ns: int | None = None
        self._tell_now = True
        self._count, self._per_s = 0, 0.0
        self._last = ""

    def start(self, start: Start) -> None:
        self._tell(f"waiting for the first result of {start.source}")
        self._tell_now = True

    def result(self, result: Result) -> None:
        now = self._clock()
        self._last, self._result_ns = result.time, now
        self._measure(now)
        life, status = self._life(now), self._status(result, now)
        if (life or status) and self._send([*life, *status]):
            self._ready = True
            self._fed_ns = now if life else self._fed_ns
            if status:
                self._told_ns, self._tell_now = now, False

    def event(self, event: Event) -> None:
        """Let the next result say it; when frames stop coming there is none."""
        if event.reason == "no frames":
            self._tell(f"no result since {_second(self._last)}")
        self._tell_now = True

    def fault(self, fault: Fault) -> None:
        self._fatal |= fault.fatal
        lost = bool(self._last) and elapsed_ms(self._result_ns, self._clock()) > SILENT_MS
        if lost:
            self._counted_ns = None
        since = f"no result since {_second(self._last)}: " if lost and fault.recovered_s is None else ""
        self._tell(since + fault.message)

    def close(self, summary: Summary) -> None:
        """Say that it ends; what it failed of stays in systemd's status."""
        done = [] if self._fatal else [_status(f"ended after {summary.frames} results")]
        self._send(["STOPPING=1", *done])
        self._socket.close()

    def _life(self, now: int) -> list[str]:
        if not self._ready:
            return ["READY=1"]
        due = self._feed_every_ms is not None and elapsed_ms(self._fed_ns, now) >= self._feed_every_ms
        return ["WATCHDOG=1"] if due else []

    def _status(self, result: Result, now: int) -> list[str]:
        if self._ready and not self._tell_now and elapsed_ms(self._told_ns, now) < STATUS_EVERY_MS:
            return []
        rate = f", {self._per_s:.1f} results a second" if self._per_s else ""
        return [_status(_seen(result) + rate)]

    def _measure(self, now: int) -> None:
        """Count results; their rate is that of the last five seconds that are over."""
        if self._counted_ns is None:
            self._count, self._per_s, self._counted_ns = 0, 0.0, now
            return
        self._count += 1
        passed_ms = elapsed_ms(self._counted_ns, now)
        if passed_ms >= STATUS_EVERY_MS:
            self._per_s = self._count / passed_ms * 1e3
            self._count, self._counted_ns = 0, now

    def _tell(self, text: str) -> None:
        """Say it at once; a few seconds later results take its place, if they come."""
        self._send([_status(text)])
        self._told_ns, self._tell_now = self._clock(), False

    def _send(self, lines: list[str]) -> bool:
        """Hand lines over in one datagram; after a failure not again for a second."""
        now = self._clock()
        if self._trouble.there and elapsed_ms(self._tried_ns, now) < RETRY_MS:
            return False
        self._tried_ns = now
        try:
            self._socket.sendto("\n".join(lines).encode(errors="replace"), self._address)
        except OSError as error:
            self._trouble.failed(f"its socket takes no message ({error.strerror or error})")
            return False
        self._trouble.worked()
        return True


def _status(text: str) -> str:
    """STATUS= and one line of UTF-8 that is not too long."""
    cut = printable(text).encode(errors="replace")[:STATUS_BYTES].decode(errors="ignore")
    return f"STATUS={cut}"


def _seen(result: Result) -> str:
    found, seen = result.prediction, result.seen
    if result.watched:
        return f"{seen.label} {seen.confidence:.0%}" if seen else "nothing"
    return "unknown" if found.unknown else f"{found.label} {found.confidence:.0%}"


def _second(time: str) -> str:
    """A UTC time, ISO 8601, as a person reads it."""
    return f"{time[:19].replace('T', ' ')} UTC"
