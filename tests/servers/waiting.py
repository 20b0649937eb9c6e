"""Waiting for what happens elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable

DEADLINE_S = 20.0


def eventually(happened: Callable[[], object], within_s: float = DEADLINE_S) -> None:
    """Wait until it did. Fails when it takes longer."""
    end = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)
