"""SeenNews: when it is worth telling what is there, where each frame would be too often."""

from __future__ import annotations

from edgecls.runtime.timing import Clock, elapsed_ms
from edgecls.runtime.watcher import Seen

EVERY_MS, CONFIDENCE_EVERY_MS, CONFIDENCE_STEP = 60_000.0, 1000.0, 0.05


class SeenNews:
    """Remembers what was told last: another label is news, a confidence that moved, and anything after a minute."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: Seen | None = None
        self._told_ns = clock()

    def is_new(self, seen: Seen | None) -> bool:
        before, age_ms = self._told, elapsed_ms(self._told_ns, self._clock())
        if age_ms >= EVERY_MS:
            return True
        if seen is None or before is None:
            return seen is not before
        if (seen.index, seen.since_ns) != (before.index, before.since_ns):
            return True
        return abs(seen.confidence - before.confidence) >= CONFIDENCE_STEP and age_ms >= CONFIDENCE_EVERY_MS

    def tell(self, seen: Seen | None) -> None:
        self._told, self._told_ns = seen, self._clock()
