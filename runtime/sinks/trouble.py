"""Trouble: a sink that fails for a while says so once, and once more when it works again."""

from __future__ import annotations

from collections import deque

from edgecls.runtime.sources.source import Fault
from edgecls.runtime.timing import Clock, elapsed_ms, monotonic


class Trouble:
    """Keeps whether something works, and tells the changes to `faults`."""

    def __init__(
        self,
        what: str,
        faults: deque[Fault],
        *,
        then: str = "going on, and trying again",
        clock: Clock = monotonic,
    ) -> None:
        self._what, self._faults, self._then, self._clock = what, faults, then, clock
        self._since_ns: int | None = None

    @property
    def there(self) -> bool:
        return self._since_ns is not None

    def failed(self, reason: str) -> None:
        """It does not work, because of `reason`: said the first time only."""
        if self._since_ns is None:
            self._since_ns = self._clock()
            self._faults.append(Fault(f"{self._what}: {reason}; {self._then}"))

    def worked(self) -> None:
        """It works: said when it did not before."""
        if self._since_ns is not None:
            seconds = elapsed_ms(self._since_ns, self._clock()) / 1e3
            self._since_ns = None
            self._faults.append(Fault(f"{self._what}: back after {seconds:.1f} s", recovered_s=seconds))
