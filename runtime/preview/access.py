"""Access: who may see the page, and how a token is shown once and then carried by a cookie."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgecls.errors import UsageError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

SHORTEST_TOKEN = 8
OPEN = frozenset({"/page.css", "/icon.svg"})  # what the page that asks for the token is made of
METHODS = ("GET", "HEAD")
# What every answer carries; the server adds them to its own answers too.
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(:\d+)?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, repr=False)
class Rules:
    """A `token`, or None where none is needed; `names` the Host header may have, or None for any."""

    token: str | None
    names: frozenset[str] | None
    cookie: str

    @property
    def cookie_value(self) -> str:
        """Not the token itself: cookies go to every port of a host, and so to other people's servers."""
        return hmac.new((self.token or "").encode(), b"edgecls preview", hashlib.sha256).hexdigest()

    def knows_host(self, header: str) -> bool:
        """A page of another site that has its name point to this machine (DNS rebinding) sends that name."""
        found = _HOST.fullmatch(header)
        return self.names is None or (found is not None and found[1].lower() in self.names)

    def is_token(self, given: str) -> bool:
        return self.token is not None and same(given, self.token)


def same(given: str, right: str) -> bool:
    """Compare in a time that tells nothing of `right`, its length included."""
    return hmac.compare_digest(
        *(hashlib.sha256(text.encode(errors="replace")).digest() for text in (given, right))
    )


def read_token(token: str | None) -> str:
    """The token given, or a new one. Raises UsageError, which does not repeat it."""
    if token is None:
        return secrets.token_urlsafe(24)
    if len(token) < SHORTEST_TOKEN or not re.fullmatch(r"[A-Za-z0-9._~+/=-]+", token):
        raise UsageError(
            f"a token of the preview has at least {SHORTEST_TOKEN} letters, digits or any of ._~+/=-, found "
            "something else; choose another, or give none and one is made"
        )
    return token


class Access:
    """ASGI middleware that lets through what `rules` allow and answers the rest itself."""

    def __init__(self, app: ASGIApp, rules: Rules, asking: str) -> None:
        self._app, self._rules, self._asking = app, rules, asking

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from starlette.requests import Request

        answer = self._refusal(Request(scope)) or self._entry(Request(scope))
        await (answer or self._app)(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        """The answer to what nobody may ask."""
        if request.method not in METHODS:
            return _plain(405, "This server only shows; use GET.", {"Allow": ", ".join(METHODS)})
        if not self._rules.knows_host(request.headers.get("host", "")):
            # 421 Misdirected Request, RFC 9110, 15.5.20
            return _plain(
                421, "This page is for this machine alone; open it as http://127.0.0.1 with its port."
            )
        site, mode = (request.headers.get(f"sec-fetch-{what}", "") for what in ("site", "mode"))
        if site in ("cross-site", "same-site") and mode != "navigate":
            return _plain(403, "This page does not stand inside others.")
        return None

    def _entry(self, request: Request) -> Response | None:
        """The answer to whom does not show the token, or shows it for the first time; None for the others."""
        rules = self._rules
        if rules.token is None or request.url.path in OPEN:
            return None
        if (shown := request.query_params.get("token")) is not None:
            return self._welcome() if rules.is_token(shown) else self._ask("That is not the token.")
        kind, _, bearer = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return None if rules.is_token(bearer.strip()) else self._ask("That is not the token.")
        if same(request.cookies.get(rules.cookie, ""), rules.cookie_value):
            return None
        return self._ask("")

    def _welcome(self) -> Response:
        """To the address without the token, always the same: a path of the request could lead elsewhere."""
        from starlette.responses import RedirectResponse

        answer = RedirectResponse("/", 303)
        answer.set_cookie(self._rules.cookie, self._rules.cookie_value, httponly=True, samesite="strict")
        return answer

    def _ask(self, reason: str) -> Response:
        from starlette.responses import HTMLResponse

        page = self._asking.replace("{reason}", reason)
        return HTMLResponse(page, 401, {"WWW-Authenticate": "Bearer"})


def _plain(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    from starlette.responses import PlainTextResponse

    return PlainTextResponse(sentence + "\n", status, headers)
