"""Worker: a thread of a sink's own, for work that may take longer than its Outlet can wait."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Worker(threading.Thread):
    """Does `work` once, on a daemon thread; what kills it is raised by `check`, and so reaches the pipeline."""

    def __init__(self, work: Callable[[], None], *, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self._died: BaseException | None = None

    def run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self._died = error

    def check(self) -> None:
        """Raise what the work died of."""
        if self._died is not None:
            raise self._died

    def wait(self, seconds: float) -> None:
        """Until it is done, or `seconds` are over; at once when it never began."""
        if self.ident is not None:
            self.join(seconds)
