"""How long work tells how far it is: the types that everybody shares, and nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

Tick = Callable[[int, int], None]  # (done, total)
Announce = Callable[[str], Tick]  # the name of a step gives its tick
Progress = Callable[[], AbstractContextManager[Announce]]
