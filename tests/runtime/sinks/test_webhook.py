"""WebhookSink: against a real server that answers, fails, hangs, hangs up, and comes back."""

from __future__ import annotations

import base64
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from edgecls.errors import DeviceError, MissingDependencyError, UsageError
from edgecls.runtime.sinks.outlet import Outlet
from edgecls.runtime.sinks.sink import Losses, Start, Summary
from edgecls.runtime.sinks.spool import Spool
from edgecls.runtime.watcher import Event
from tests.servers.receiver import Answer, Receiver
from tests.servers.waiting import DEADLINE_S, eventually

pytest.importorskip("urllib3", reason="needs the extra 'webhook'")

from edgecls.runtime.sinks.webhook import Patience, WebhookSink

SUMMARY = Summary(0, Losses(), 0, 0, {}, 1.0, {})
QUICK = Patience(connect_s=1, read_s=0.3, first_s=0.05, longest_s=0.1, close_s=2)
SECRETS = ("pass1", "key1", "hook1", "token1")


def make_event(index: int) -> Event:
    return Event("enter", 0, "red", 0.9, index, "2026-11-22T10:00:00+00:00")


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "events.db")
    yield spool
    spool.close()


@pytest.fixture
def hook(receiver: Receiver, spool: Spool, start: Start) -> Iterator[Callable[..., WebhookSink]]:
    """Makes a started sink that posts to the receiver."""
    made: list[WebhookSink] = []

    def make(url: str = "", **options: Any) -> WebhookSink:
        sink = WebhookSink(url or receiver.url, spool, **{"patience": QUICK, **options})
        sink.start(start)
        made.append(sink)
        return sink

    yield make
    for sink in made:
        sink.close(SUMMARY)


def messages(sink: WebhookSink) -> list[str]:
    return [fault.message for fault in sink.faults]


def test_events_are_posted_in_order_over_one_connection(hook: Any, receiver: Receiver, spool: Spool) -> None:
    sink = hook()
    for index in range(20):
        sink.event(make_event(index))
    eventually(lambda: len(receiver.requests) == 20 and not len(spool))
    assert receiver.frames == list(range(20))
    path, headers, body, _, _ = receiver.requests[3]
    assert path == "/in/hook1?key=key1"
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == body["id"] == receiver.ids[3]
    assert "Authorization" not in headers
    assert (body["schema"], body["type"], body["event"], body["label"]) == (1, "event", "enter", "red")
    assert len(set(receiver.ids)) == 20
    assert len({port for _, _, _, port, _ in receiver.requests}) == 1
    assert not sink.faults


def test_a_token_and_a_user_are_sent_as_their_headers(hook: Any, receiver: Receiver) -> None:
    hook(token="token1").event(make_event(0))
    eventually(lambda: receiver.requests)
    assert receiver.requests[0][1]["Authorization"] == "Bearer token1"


def test_a_user_in_the_address_is_sent_as_basic_authorization(hook: Any, receiver: Receiver) -> None:
    hook(receiver.url.replace("http://", "http://me:pass1%C3%A4@")).event(make_event(0))
    eventually(lambda: receiver.requests)
    expected = base64.b64encode("me:pass1ä".encode()).decode()
    assert receiver.requests[0][1]["Authorization"] == f"Basic {expected}"


@pytest.mark.parametrize("failing", [500, 503, 408, 425, 429, 401, 403, 404, "hang", "close"])
def test_what_may_pass_is_tried_again_under_the_same_id_and_told_once(
    hook: Any, receiver: Receiver, failing: Answer
) -> None:
    receiver.answers = [failing] * 3
    sink = hook()
    sink.event(make_event(0))
    sink.event(make_event(1))
    eventually(lambda: len(receiver.requests) == 5 and len(sink.faults) == 2)
    assert receiver.frames == [0, 0, 0, 0, 1]
    assert len(set(receiver.ids[:4])) == 1
    first, back = sink.faults
    assert back.recovered_s is not None
    assert first.recovered_s is None


@pytest.mark.parametrize(
    ("failing", "told"),
    [
        (500, "answers 500"),
        (401, "answers 401, check the token"),
        (404, "answers 404, check the address"),
        ((302, {"Location": "/elsewhere"}), "answers 302, check the address"),
        ("hang", "does not answer in time"),
        ("close", "cannot be reached"),
    ],
)
def test_the_fault_says_what_is_wrong(hook: Any, receiver: Receiver, failing: Answer, told: str) -> None:
    receiver.answers = [failing]
    sink = hook()
    sink.event(make_event(0))
    eventually(lambda: sink.faults)
    assert f"webhook http://127.0.0.1:{receiver.port}: {told}" in messages(sink)[0]


@pytest.mark.parametrize("refusing", [400, 410, 413, 422])
def test_what_never_passes_is_dropped_and_named_and_the_next_is_posted(
    hook: Any, receiver: Receiver, spool: Spool, refusing: int
) -> None:
    receiver.answers = [refusing]
    sink = hook()
    sink.event(make_event(0))
    sink.event(make_event(1))
    eventually(lambda: len(receiver.requests) == 2 and not len(spool))
    assert receiver.frames == [0, 1]
    (message,) = messages(sink)
    assert f"answers {refusing}" in message
    assert f"event {receiver.ids[0]} is dropped" in message


def test_attempts_become_rarer_up_to_a_bound(hook: Any, receiver: Receiver) -> None:
    receiver.answers = [500] * 9
    hook(patience=Patience(first_s=0.05, longest_s=0.1)).event(make_event(0))
    eventually(lambda: len(receiver.requests) == 10)
    at = [request[4] for request in receiver.requests]
    gaps = [after - before for before, after in pairwise(at)]
    assert gaps[0] >= 0.049
    assert min(gaps[1:]) >= 0.099
    assert max(gaps) < 3


@pytest.mark.parametrize("asks", [lambda: "1", lambda: formatdate(time.time() + 2, usegmt=True)])
def test_a_server_that_asks_for_a_while_gets_it(
    hook: Any, receiver: Receiver, asks: Callable[[], str]
) -> None:
    receiver.answers = [(429, {"Retry-After": asks()})]
    hook().event(make_event(0))
    eventually(lambda: len(receiver.requests) == 2)
    assert receiver.requests[1][4] - receiver.requests[0][4] > 0.9


def test_a_server_cannot_ask_for_more_than_ten_minutes_nor_for_nonsense(
    hook: Any, receiver: Receiver
) -> None:
    assert Patience().asked_s == 600
    receiver.answers = [
        (503, {"Retry-After": value}) for value in ("99999999999", "soon", "-5", "Mon, 99 Foo")
    ]
    hook(patience=Patience(first_s=0.05, longest_s=0.1, asked_s=0.3)).event(make_event(0))
    eventually(lambda: len(receiver.requests) == 5)
    assert receiver.requests[1][4] - receiver.requests[0][4] >= 0.29


def test_a_server_that_is_down_at_first_gets_everything_when_it_comes(
    hook: Any, spool: Spool, start: Start
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    sink = hook(f"http://127.0.0.1:{port}/x")
    for index in range(3):
        sink.event(make_event(index))
    eventually(lambda: sink.faults)
    assert "cannot be reached (Connection refused)" in messages(sink)[0]
    late = Receiver(port)
    eventually(lambda: late.frames == [0, 1, 2] and not len(spool))
    late.stop()


def test_a_host_without_address_is_a_failure_that_passes(hook: Any) -> None:
    sink = hook("http://nowhere.invalid/x")
    sink.event(make_event(0))
    eventually(lambda: sink.faults)
    assert "name is not found" in messages(sink)[0]


def test_a_server_without_tls_behind_https_is_a_failure_that_passes(hook: Any, receiver: Receiver) -> None:
    sink = hook(receiver.url.replace("http://", "https://"))
    sink.event(make_event(0))
    eventually(lambda: sink.faults)
    assert "its certificate or TLS does not do" in messages(sink)[0]


def test_a_server_that_hangs_holds_up_nobody_and_what_waits_comes_with_the_next_run(
    receiver: Receiver, tmp_path: Path, start: Start
) -> None:
    receiver.answers = ["hang"]
    sink = WebhookSink(receiver.url, Spool(tmp_path / "spool"), patience=Patience(close_s=0.5))
    sink.start(start)
    began = time.monotonic()
    for index in range(3):
        sink.event(make_event(index))
    assert time.monotonic() - began < 5
    eventually(lambda: receiver.requests)
    began = time.monotonic()
    sink.close(SUMMARY)
    assert time.monotonic() - began < 3
    again = WebhookSink(receiver.url, Spool(tmp_path / "spool"), patience=QUICK)
    again.start(start)
    eventually(lambda: len(receiver.requests) == 4)
    again.close(SUMMARY)
    assert receiver.frames == [0, 0, 1, 2]
    assert receiver.ids[0] == receiver.ids[1]


def test_closing_posts_what_waits_first(receiver: Receiver, spool: Spool, start: Start) -> None:
    sink = WebhookSink(receiver.url, spool, patience=Patience(close_s=DEADLINE_S))
    for index in range(50):
        sink.event(make_event(index))
    sink.start(start)
    sink.close(SUMMARY)
    assert receiver.frames == list(range(50))


def test_closing_tries_once_more_and_waits_for_no_later_attempt(
    receiver: Receiver, spool: Spool, start: Start
) -> None:
    receiver.answers = [500] * 9
    sink = WebhookSink(receiver.url, spool, patience=Patience(first_s=60))
    sink.event(make_event(0))
    sink.start(start)
    eventually(lambda: sink.faults)
    began = time.monotonic()
    sink.close(SUMMARY)
    assert time.monotonic() - began < 3
    assert receiver.frames == [0, 0]


def test_closing_respects_a_server_that_asked_for_a_while(
    receiver: Receiver, spool: Spool, start: Start
) -> None:
    receiver.answers = [(429, {"Retry-After": "60"})]
    sink = WebhookSink(receiver.url, spool)
    sink.event(make_event(0))
    sink.start(start)
    eventually(lambda: sink.faults)
    sink.close(SUMMARY)
    assert receiver.frames == [0]


KILLED = """
import sys
from pathlib import Path
from edgecls.runtime.sinks.sink import Start
from edgecls.runtime.sinks.spool import Spool
from edgecls.runtime.sinks.webhook import WebhookSink
from edgecls.runtime.watcher import Event
from tests.servers.receiver import Answer, Receiver
from tests.servers.waiting import DEADLINE_S, eventually
sink = WebhookSink(sys.argv[1], Spool(Path(sys.argv[2])))
sink.start(Start("s", True, None, "m", "n", "int8", "e", "native", 1, ("red",)))
for index in range(200):
    sink.event(Event("enter", 0, "red", 0.9, index, "t"))
print("accepted", flush=True)
sys.stdin.read()
"""


def test_a_killed_run_loses_nothing_and_what_comes_twice_has_one_id(
    receiver: Receiver, tmp_path: Path, start: Start
) -> None:
    receiver.answers = [*[200] * 20, "hang"]
    command = [sys.executable, "-c", KILLED, receiver.url, str(tmp_path / "spool")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"accepted\n"
        eventually(lambda: len(receiver.requests) == 21)
        process.kill()
    again = WebhookSink(receiver.url, Spool(tmp_path / "spool"))
    again.start(start)
    eventually(lambda: receiver.frames[-1] == 199)
    again.close(SUMMARY)
    first_of_each = dict(zip(receiver.ids, receiver.frames, strict=True))
    assert list(first_of_each.values()) == list(range(200))
    assert len(receiver.requests) == 201


def test_a_thread_that_dies_is_told_by_the_next_call(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    bug = ValueError("a bug")

    def oldest() -> None:
        raise bug

    monkeypatch.setattr(spool, "oldest", oldest)
    sink = WebhookSink("http://127.0.0.1:9/x", spool)
    outlet = Outlet(sink)
    outlet.begin()
    outlet.put(Start("s", True, None, "m", "n", "int8", "e", "native", 1, ("red",)))

    def dead() -> bool:
        try:
            outlet.put(make_event(0))
        except DeviceError as error:
            return "a bug" in str(error)
        return False

    eventually(dead)
    with pytest.raises(ValueError, match="a bug"):
        sink.event(make_event(1))
    outlet.end(SUMMARY)
    outlet.join()


@pytest.mark.parametrize(
    "url", ["", "example.org/x", "ftp://pass1@example.org", "http://", "http://[pass1", "http://h:99999/key1"]
)
def test_an_address_that_cannot_be_posted_to_is_refused_and_not_repeated(spool: Spool, url: str) -> None:
    with pytest.raises(UsageError, match=r"such as https://example\.org") as refused:
        WebhookSink(url, spool)
    assert not any(secret in str(refused.value) for secret in SECRETS)


@pytest.mark.parametrize("token", ["", "a\r\nX: token1", " token1", "tokén"])
def test_a_token_that_fits_no_header_is_refused_and_not_repeated(spool: Spool, token: str) -> None:
    with pytest.raises(UsageError, match="printable ASCII") as refused:
        WebhookSink("http://127.0.0.1/x", spool, token=token)
    assert "token1" not in str(refused.value)


def test_a_user_and_a_token_exclude_each_other(spool: Spool) -> None:
    with pytest.raises(UsageError, match="found both") as refused:
        WebhookSink("http://me:pass1@127.0.0.1/x", spool, token="token1")
    assert not any(secret in str(refused.value) for secret in SECRETS)


def test_no_secret_is_ever_told(hook: Any, receiver: Receiver) -> None:
    receiver.answers = [500, "close", 404, (302, {"Location": "http://x/hook1"}), "hang"]
    sink = hook(receiver.url.replace("http://", "http://me:pass1@"))
    for index in range(3):
        sink.event(make_event(index))
    eventually(lambda: len(receiver.requests) >= 6)
    told = " ".join([sink.name, *messages(sink)])
    assert not any(secret in told for secret in (*SECRETS, "me:"))


def test_without_its_package_the_extra_is_named(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "urllib3", None)
    with pytest.raises(MissingDependencyError, match=r"edgecls\[webhook\]"):
        WebhookSink("http://127.0.0.1/x", spool)
