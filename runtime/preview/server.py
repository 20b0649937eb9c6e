"""Server: uvicorn on a thread of its own, bound before it is started and stopped within seconds."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from edgecls.errors import DeviceError, UsageError
from edgecls.runtime.preview.access import HEADERS
from edgecls.runtime.preview.beat import Beat

if TYPE_CHECKING:
    from starlette.types import ASGIApp

CONNECTIONS = 256  # at once; a further one is closed, so that no crowd takes the process's file handles
SILENCE_S = 10.0  # a connection that asks nothing for so long, or takes nothing, is closed
BUFFER_BYTES = 64 * 1024  # of what a slow viewer has not taken yet: in the kernel, and again in the process
START_S, STOP_S = 5.0, 2.5


class Server:
    """Serves an application at `socket` until `stop`; `check` raises what its thread died of."""

    def __init__(self, app: ASGIApp, listening: socket.socket, beat: Beat) -> None:
        import uvicorn

        self._socket, self._beat = listening, beat
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._stopping = False
        self._died: BaseException | None = None
        # uvicorn takes signals on the main thread only, so the run's own handlers stay.
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                app,
                http=_bounded_protocol(),
                ws="none",
                lifespan="off",
                loop="asyncio",
                log_config=None,
                log_level=logging.CRITICAL + 1,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                headers=list(HEADERS.items()),
                limit_concurrency=CONNECTIONS,
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = threading.Thread(target=self._run, name="edgecls-preview-server", daemon=True)

    def start(self) -> None:
        """Let it serve. Raises what kept it from that."""
        self._thread.start()
        self._ready.wait(START_S)
        self.check()

    def check(self) -> None:
        if self._died is not None:
            raise self._died

    def stop(self) -> None:
        """Send viewers the last message and end the thread, whatever they do."""
        self._stopping = True
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end)
        self._thread.join(STOP_S)
        self._socket.close()

    def _end(self) -> None:
        self._beat.end()
        self._uvicorn.should_exit = True

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
            if not self._stopping:
                raise DeviceError("preview: its server ended by itself; start again")
        except BaseException as error:  # whatever kills this thread must reach the pipeline
            self._died = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        beating = self._loop.create_task(self._beat.run())
        beating.add_done_callback(self._stop_without_beat)
        self._ready.set()
        try:
            await self._uvicorn.serve(sockets=[self._socket])
        finally:
            beating.cancel()
            await asyncio.wait([beating])
        if not beating.cancelled():
            beating.result()

    def _stop_without_beat(self, beating: asyncio.Task[None]) -> None:
        self._uvicorn.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises UsageError when that cannot be."""
    try:
        if not 0 <= port <= 0xFFFF:
            raise OverflowError("a port is at most 65535")  # getaddrinfo takes the rest of a division
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        try:
            _listen(listening, address)
        except BaseException:
            listening.close()
            raise
        return listening
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"expected to show the preview at {host}:{port}, found: {reason}; choose another port or address"
        ) from error


def _listen(listening: socket.socket, address: Any) -> None:
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Accepted connections have it from here: what waits for a slow viewer is soon old.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
    listening.bind(address)
    listening.listen(CONNECTIONS)


def is_loopback(listening: socket.socket) -> bool:
    """Nobody but this machine reaches it."""
    return ip_address(listening.getsockname()[0].partition("%")[0]).is_loopback


def _bounded_protocol() -> type[asyncio.Protocol]:
    """uvicorn's own, which waits for ever for the first request and for a viewer to take what was sent."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Bounded(H11Protocol):
        _silence: asyncio.TimerHandle | None = None
        _patience: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if len(self.connections) > CONNECTIONS:
                transport.abort()
                return
            transport.set_write_buffer_limits(high=BUFFER_BYTES)
            self._silence = self.loop.call_later(SILENCE_S, self._end_if_silent, None)

        def connection_lost(self, exc: Exception | None) -> None:
            for timer in (self._silence, self._patience):
                if timer is not None:
                    timer.cancel()
            super().connection_lost(exc)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._patience = self.loop.call_later(SILENCE_S, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            if self._patience is not None:
                self._patience.cancel()

        def _end_if_silent(self, last: object) -> None:
            """Whoever had no request under way now and `last` time, and none in between, has nothing to ask."""
            idle = self.cycle is None or self.cycle.response_complete
            if idle and self.cycle is last:
                self.transport.abort()
            else:
                self._silence = self.loop.call_later(SILENCE_S, self._end_if_silent, self.cycle)

    return Bounded
