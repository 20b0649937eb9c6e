"""Stopping: Ctrl-C and SIGTERM, as the end at once before there is anything to lose, then as a request to end well."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SAME_WISH_S = 0.5


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
    """Give an Event that the first signal sets; one more than half a second later ends the process. Main thread only.

    What comes sooner is the same wish: Ctrl-C in a wrapper, and `timeout`, signal both the process and its group. A
    thread hears them, so that the second one works while the main thread waits in a driver.
    """
    stop = threading.Event()
    heard, tells = socket.socketpair()
    tells.setblocking(False)
    before = {one: signal.signal(one, lambda number, frame: None) for one in SIGNALS}
    told_before = signal.set_wakeup_fd(tells.fileno())  # the number of each signal comes there as a byte
    threading.Thread(target=_hear, args=(heard, stop), name="edgecls-signals", daemon=True).start()
    try:
        yield stop
    finally:
        signal.set_wakeup_fd(told_before)
        for one, handler in before.items():
            signal.signal(one, handler)
        tells.close()


def _hear(heard: socket.socket, stop: threading.Event) -> None:
    first = None
    with heard:
        while number := heard.recv(1):
            if number[0] not in SIGNALS:
                continue
            now = time.monotonic()
            first = first or now
            stop.set()
            if now - first > SAME_WISH_S:
                os._exit(128 + number[0])
