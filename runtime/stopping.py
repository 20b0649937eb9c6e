"""Stopping: Ctrl-C and SIGTERM, as the end at once before there is anything to lose, then as a request to end well."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def end_at_once() -> Iterator[None]:
    """Inside, a signal ends the process, even while it waits in a driver or a library, where Python hears nothing."""
    before = {one: signal.signal(one, signal.SIG_DFL) for one in SIGNALS}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Give an Event that the first signal sets; then the system's own handling is back. Main thread only."""
    stop = threading.Event()

    def request(number: int, frame: FrameType | None) -> None:
        stop.set()
        for one in SIGNALS:
            signal.signal(one, signal.SIG_DFL)

    before = {one: signal.signal(one, request) for one in SIGNALS}
    try:
        yield stop
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
