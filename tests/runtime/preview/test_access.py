"""Who may see the preview: this machine, or whoever has the token."""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse

import pytest

from edgecls.errors import UsageError
from edgecls.runtime.preview.access import HEADERS
from edgecls.runtime.preview.sink import PreviewSink
from edgecls.runtime.sinks.sink import Losses, Summary

for needed in ("starlette", "uvicorn"):
    pytest.importorskip(needed, reason="needs the extra 'preview'")

SUMMARY = Summary(7, Losses(), 0, 0, {}, 1.0, {})
TOKEN = "correct-horse.battery"
PATIENCE_S = 10.0


@pytest.fixture
def local() -> Iterator[PreviewSink]:
    sink = PreviewSink(port=0)
    yield sink
    sink.close(SUMMARY)


@pytest.fixture
def open_to_all() -> Iterator[PreviewSink]:
    sink = PreviewSink("0.0.0.0", 0, token=TOKEN)
    yield sink
    sink.close(SUMMARY)


def ask(sink: PreviewSink, path: str = "/", *, method: str = "GET", **headers: str) -> HTTPResponse:
    connection = HTTPConnection("127.0.0.1", sink.port, timeout=PATIENCE_S)
    connection.request(
        method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    answer = connection.getresponse()
    answer.body = answer.read()  # type: ignore[attr-defined]
    connection.close()
    return answer


def body(answer: HTTPResponse) -> str:
    return bytes(answer.body).decode()  # type: ignore[attr-defined]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9000", "[::1]:8088", "LocalHost:80"])
def test_on_this_machine_no_token_is_needed(local: PreviewSink, host: str) -> None:
    assert ask(local, Host=host).status == 200
    assert local.invitation == f"preview: http://127.0.0.1:{local.port}/"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8088", "localhost.evil.example", "127.0.0.1@x", ""]
)
def test_a_name_that_somebody_points_at_this_machine_is_refused(local: PreviewSink, host: str) -> None:
    answer = ask(local, Host=host)
    assert answer.status == 421
    assert "for this machine alone" in body(answer)


def test_a_page_of_another_site_gets_nothing(local: PreviewSink) -> None:
    strange = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"}
    assert ask(local, "/picture.jpg", **strange).status == 403
    assert ask(local, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate").status == 200


@pytest.mark.parametrize("path", ["/", "/page.js", "/events.sse", "/picture.jpg", "/healthz", "/nowhere"])
def test_from_elsewhere_everything_asks_for_the_token(open_to_all: PreviewSink, path: str) -> None:
    answer = ask(open_to_all, path)
    assert answer.status == 401
    assert answer.getheader("WWW-Authenticate") == "Bearer"
    assert '<input id="token"' in body(answer)


def test_the_token_is_shown_once_and_then_a_cookie_that_is_not_the_token(open_to_all: PreviewSink) -> None:
    welcome = ask(open_to_all, f"//evil.example/?token={TOKEN}")
    assert (welcome.status, welcome.getheader("Location")) == (303, "/")
    cookie = welcome.getheader("Set-Cookie", "")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    assert ask(open_to_all, Cookie=cookie.partition(";")[0], Host="raspberrypi.local").status == 200
    name = cookie.partition("=")[0]
    assert ask(open_to_all, Cookie=f"{name}={TOKEN}").status == 401
    assert str(open_to_all.port) in name  # two runs on one board do not take each other's


def test_a_program_shows_the_token_as_bearer(open_to_all: PreviewSink) -> None:
    assert ask(open_to_all, "/healthz", Authorization=f"Bearer {TOKEN}").status == 503
    assert ask(open_to_all, "/healthz", Authorization=f"bearer {TOKEN}x").status == 401


@pytest.mark.parametrize("wrong", ["", "x", TOKEN[:-1], TOKEN.upper(), "%FF%00", "<b>"])
def test_a_wrong_token_is_refused_and_not_repeated(open_to_all: PreviewSink, wrong: str) -> None:
    answer = ask(open_to_all, f"/?token={wrong}")
    assert answer.status == 401
    assert "That is not the token." in body(answer)
    assert "<b>" not in body(answer)
    assert answer.getheader("Set-Cookie") is None


def test_a_token_that_was_given_is_needed_on_this_machine_too() -> None:
    sink = PreviewSink(port=0, token=TOKEN)
    assert ask(sink).status == 401
    assert TOKEN not in sink.invitation
    assert ask(sink, Host="evil.example", Authorization=f"Bearer {TOKEN}").status == 421
    sink.close(SUMMARY)


def test_a_token_is_made_for_everybody_else_and_told_once() -> None:
    first, second = PreviewSink("0.0.0.0", 0), PreviewSink("0.0.0.0", 0)
    address, _, token = first.invitation.partition("?token=")
    assert address.startswith("preview: http://")
    assert address.endswith(f":{first.port}/")
    assert len(token) >= 32
    assert token not in f"{first.address} {first.name} {first.faults} {first}"
    assert ask(first, f"/?token={token}").status == 303
    assert ask(second, f"/?token={token}").status == 401
    for sink in (first, second):
        sink.close(SUMMARY)


@pytest.mark.parametrize("token", ["", "short", "with space inside", "ümläute-genug", "semi;colon;too"])
def test_a_token_that_does_not_do_is_wrong_use_and_not_repeated(token: str) -> None:
    with pytest.raises(UsageError, match="a token of the preview has at least 8") as caught:
        PreviewSink(port=0, token=token)
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_but_looking_is_allowed(local: PreviewSink, method: str) -> None:
    answer = ask(local, method=method)
    assert (answer.status, answer.getheader("Allow")) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/", "/events.sse", "/page.css", "/healthz"])
def test_head_is_answered_without_a_body(local: PreviewSink, path: str) -> None:
    answer = ask(local, path, method="HEAD")
    assert answer.status in (200, 503)
    assert body(answer) == ""


@pytest.mark.parametrize("path", ["/", "/page.js", "/healthz", "/nowhere"])
def test_every_answer_carries_the_headers_that_keep_browsers_careful(
    local: PreviewSink, open_to_all: PreviewSink, path: str
) -> None:
    for answer in (ask(local, path), ask(open_to_all, path), ask(local, path, Host="evil.example")):
        assert {name: answer.getheader(name) for name in HEADERS} == HEADERS
        assert answer.getheader("Server") is None
