"""The preview's pages: every address it answers, and what stands there."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgecls.runtime.preview.access import Access, Rules
from edgecls.runtime.preview.beat import Beat
from edgecls.runtime.preview.news import News

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

VIEWERS = 16  # at once
STALE_S = 5.0  # a run whose newest result is older is not healthy
FILES = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/stream.js": ("stream.js", "text/javascript"),
    "/chart.js": ("chart.js", "text/javascript"),
    "/words.js": ("words.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}


@dataclass
class Places:
    """So many may be served at once."""

    left: int = VIEWERS

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        self.left -= 1
        try:
            yield
        finally:
            self.left += 1


def make_app(beat: Beat, news: News, rules: Rules) -> ASGIApp:
    """The ASGI application. Its files are read now; no request ever names one."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    routes = [Route(address, _file(*file)) for address, file in FILES.items()]
    routes.append(Route("/events.sse", _events(beat)))
    routes.append(Route("/picture.jpg", _picture(beat)))
    routes.append(Route("/healthz", _health(news)))
    return Access(Starlette(routes=routes), rules, _read("token.html").decode())


def _read(name: str) -> bytes:
    return Path(__file__).with_name(name).read_bytes()


Endpoint = Callable[["Request"], Awaitable["Response"]]


def _file(name: str, media_type: str) -> Endpoint:
    from starlette.responses import Response

    content = _read(name)

    async def answer(request: Request) -> Response:
        return Response(content, media_type=media_type)

    return answer


def _events(beat: Beat) -> Endpoint:
    """Server-Sent Events, until the viewer leaves or the run ends."""
    from starlette.responses import Response, StreamingResponse

    media_type, places = "text/event-stream", Places()

    class Seated(StreamingResponse):
        """Takes its place before anything is awaited: of a crowd that comes at once, no more than fit get one."""

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            if places.left <= 0:
                await _full()(scope, receive, send)
                return
            with places.one():
                await super().__call__(scope, receive, send)

    async def answer(request: Request) -> Response:
        if request.method == "HEAD":
            return Response(media_type=media_type)
        return Seated(beat.messages(), media_type=media_type)

    return answer


def _picture(beat: Beat) -> Endpoint:
    """The next JPEG that is not number `after` of the query; 204 when none comes for a while."""
    from starlette.responses import Response, StreamingResponse

    places = Places()

    async def parts(jpeg: bytes) -> AsyncIterator[bytes]:
        with places.one():
            yield jpeg
            yield b""  # is asked for when the viewer has taken the rest: until then it keeps its place

    async def answer(request: Request) -> Response:
        if places.left <= 0:
            return _full()
        with places.one():
            picture = await beat.picture(_number(request.query_params.get("after", "")))
        if picture is None:
            return Response(status_code=204)
        headers = {"X-Picture": str(picture.number), "X-Frame": str(picture.frame.index)}
        headers["Content-Length"] = str(len(picture.jpeg))
        return StreamingResponse(parts(picture.jpeg), media_type="image/jpeg", headers=headers)

    return answer


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def _health(news: News) -> Endpoint:
    """For a watchdog: 200 while results come."""
    from starlette.responses import JSONResponse

    async def answer(request: Request) -> Response:
        age_s = news.newest_s()
        healthy = age_s is not None and age_s <= STALE_S
        content = {"healthy": healthy, "newest_result_s": None if age_s is None else round(age_s, 3)}
        return JSONResponse(content, 200 if healthy else 503)

    return answer


def _full() -> Response:
    from starlette.responses import PlainTextResponse

    sentence = f"{VIEWERS} viewers are looking already; close one of them.\n"
    return PlainTextResponse(sentence, 503, {"Retry-After": "5"})
