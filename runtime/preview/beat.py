"""Beat: ten times a second, while somebody looks, it makes what all viewers then get."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

from edgecls.runtime.preview.news import Heard, News
from edgecls.runtime.preview.picture import Picture, Pictures
from edgecls.runtime.timing import Clock, elapsed_ms, monotonic

BEAT_S = 0.1
HEALTH_MS = 5000.0
PICTURE_WAIT_S = 5.0  # a request for a picture is answered by then, with none if there is none


class Beat:
    """Belongs to the server's event loop, which runs `run`; only the run's facts come from another thread.

    A viewer asks for what is next when it has taken what was before, so one that is slow gets less and holds up nobody.
    """

    def __init__(self, news: News, pictures: Pictures, *, clock: Clock = monotonic) -> None:
        self.ended = False
        self._news, self._pictures, self._clock = news, pictures, clock
        self._looking = 0
        self._somebody = asyncio.Event()
        self._turned = asyncio.Event()
        self._health_ns: int | None = None

    async def run(self) -> None:
        """Beat until it is cancelled. What it raises ends the preview."""
        bench = ThreadPoolExecutor(1, thread_name_prefix="edgecls-preview-jpeg")
        try:
            while True:
                await self._somebody.wait()
                await self._turn(bench)
                await asyncio.sleep(BEAT_S)
        finally:
            bench.shutdown(wait=False)

    def end(self) -> None:
        """The run is over: whoever waits gets the last message."""
        self.ended = True
        self._news.refresh()
        self._wake()

    async def messages(self) -> AsyncIterator[bytes]:
        """What one viewer hears: everything kept at once, then what is new."""
        heard, version = Heard(), -1
        with self._look():
            self._news.refresh()
            while True:
                ended = self.ended
                if version != self._news.version:
                    version = self._news.version
                    yield self._news.message(heard)
                elif ended:
                    return
                else:
                    await self._turned.wait()

    async def picture(self, after: int) -> Picture | None:
        """The next picture that is not number `after`; None when none comes for a while."""
        with self._look(), self._pictures.waiting():
            # Before the question, as the next one may come on its own thread meanwhile.
            shown = self._pictures.newest
            if self._pictures.fresh and not self._is(after):
                return self._pictures.newest
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._next_picture(after, shown), PICTURE_WAIT_S)
                return None if self.ended else self._pictures.newest
        return None

    async def _next_picture(self, after: int, shown: Picture | None) -> None:
        while not self.ended and (self._pictures.newest is shown or self._is(after)):
            await self._turned.wait()

    def _is(self, number: int) -> bool:
        newest = self._pictures.newest
        return newest is not None and newest.number == number

    @contextlib.contextmanager
    def _look(self) -> Iterator[None]:
        self._looking += 1
        self._somebody.set()
        try:
            yield
        finally:
            self._looking -= 1
            if not self._looking:
                self._somebody.clear()

    async def _turn(self, bench: ThreadPoolExecutor) -> None:
        now, on_bench = self._clock(), asyncio.get_running_loop().run_in_executor
        if self._health_ns is None or elapsed_ms(self._health_ns, now) >= HEALTH_MS:
            self._health_ns = now
            await on_bench(bench, self._news.read_health)
        if self._pictures.due:
            await on_bench(bench, self._pictures.develop)
        self._news.refresh()
        self._wake()

    def _wake(self) -> None:
        turned, self._turned = self._turned, asyncio.Event()
        turned.set()
