"""Waiting for what happens elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable

DEADLINE_S = 20.0


def eventually(happened: Callable[[], object]) -> None:
    """Wait until it did. Fails at the deadline."""
    end = time.monotonic() + DEADLINE_S
    while not happened():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)
