"""PreviewSink: a page at an address of this machine that shows live what the run sees."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from edgecls.devices.health import Health, read_health
from edgecls.errors import first_line, need
from edgecls.runtime.preview.access import Rules, read_token
from edgecls.runtime.preview.app import make_app
from edgecls.runtime.preview.beat import Beat
from edgecls.runtime.preview.news import News
from edgecls.runtime.preview.picture import Pictures
from edgecls.runtime.preview.server import Server, is_loopback, listen
from edgecls.runtime.sinks.sink import QuietSink, Result, Start, Summary
from edgecls.runtime.sinks.trouble import Trouble
from edgecls.runtime.sources.source import Fault
from edgecls.runtime.watcher import Event

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


class PreviewSink(QuietSink):
    """Serves from now on until it is closed, at `address`; `invitation` is the sentence to print once.

    At a loopback address no token is needed, unless one is given; anywhere else `token`, or a new one, which
    `invitation` tells. Port 0 takes a free one; `port` says which. Raises MissingDependencyError without the extra
    `preview`, and UsageError when it cannot listen there or the token does not do.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 8088,
        *,
        token: str | None = None,
        health: Callable[[], Health] = read_health,
    ) -> None:
        super().__init__("preview")
        for module in ("starlette", "uvicorn"):
            need(module, "preview")
        asked = None if token is None else read_token(token)
        listening = listen(host, port)
        local, (name, self.port) = is_loopback(listening), listening.getsockname()[:2]
        right = asked if local or asked else read_token(None)
        self.address = f"http://{_host(name)}:{self.port}/"
        self.invitation = _invitation(self.address, right, told=asked is None)
        self._news, self._pictures = News(health), Pictures()
        self._trouble = Trouble(self.name, self.faults)
        beat = Beat(self._news, self._pictures)
        names = LOCAL_NAMES | {_literal(name)} if local else None
        app = make_app(beat, self._news, Rules(right, names, cookie=f"edgecls_preview_{self.port}"))
        self._server = Server(self._telling(app), listening, beat)
        self._server.start()

    def start(self, start: Start) -> None:
        self._server.check()
        self._news.begin(start)

    def result(self, result: Result) -> None:
        self._server.check()
        self._pictures.frame = result.frame
        self._news.take(result)

    def event(self, event: Event) -> None:
        self._server.check()
        self._news.event(event)

    def fault(self, fault: Fault) -> None:
        self._server.check()
        self._news.fault(fault)

    def close(self, summary: Summary) -> None:
        self._news.end(summary)
        self._server.stop()
        self._server.check()

    def _telling(self, app: ASGIApp) -> ASGIApp:
        """The application, whose errors are told: uvicorn is silent here, and the viewer hears of a 500 only."""

        async def telling(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await app(scope, receive, send)
            except OSError:
                raise  # a viewer that left
            except Exception as error:
                self._trouble.failed(f"a request failed ({type(error).__name__}: {first_line(error)})")
                raise

        return telling


def _literal(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip


def _host(ip: str) -> str:
    """The address under which others find this machine, where it listens at all of them."""
    return _literal(ip) if ip not in ("0.0.0.0", "::") else _outward()


def _outward() -> str:
    """The address of this machine on its way out; 192.0.2.1 is nobody's (RFC 5737), and nothing is sent."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
    except OSError:
        return socket.gethostname()


def _invitation(address: str, token: str | None, *, told: bool) -> str:
    if token is None:
        return f"preview: {address}"
    return f"preview: {address}?token={token}" if told else f"preview: {address} asks for the token you gave"
