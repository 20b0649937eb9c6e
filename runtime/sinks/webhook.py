"""WebhookSink: posts every event to a web address, and keeps it until somebody there takes it."""

from __future__ import annotations

import base64
import contextlib
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from edgecls.errors import UsageError, first_line, need
from edgecls.runtime.sinks.sink import QuietSink, Result, Start, Summary
from edgecls.runtime.sinks.spool import Spool, Waiting
from edgecls.runtime.sinks.trouble import Trouble
from edgecls.runtime.sinks.worker import Worker
from edgecls.runtime.sources.source import Fault
from edgecls.runtime.watcher import Event

NEVER = frozenset(
    {400, 405, 406, 409, 410, 411, 413, 414, 415, 422}
)  # answers that another attempt cannot change
HINTS = {401: ", check the token", 403: ", check the token", 404: ", check the address"}
ANSWER_BYTES = 1 << 16  # a longer answer is not read to its end


@dataclass(frozen=True)
class Patience:
    """Seconds: to connect, between two bytes of an answer, between attempts, and at the end of a run.

    The wait doubles from `first_s` to `longest_s`; a server that asks for another one (Retry-After, RFC 9110, 10.2.3)
    gets it, up to `asked_s`.
    """

    connect_s: float = 5.0
    read_s: float = 10.0
    first_s: float = 1.0
    longest_s: float = 60.0
    asked_s: float = 600.0
    close_s: float = 4.0


@dataclass(frozen=True)
class _Answer:
    """What came of an attempt: no `reason` when it was taken; `asked_s` is how long the server says to wait."""

    reason: str = ""
    again: bool = False
    asked_s: float | None = None


class WebhookSink(QuietSink):
    """Posts events, in order, as JSON to `url`, on a thread of its own; they wait in `spool`, which it closes.

    An event is taken when the answer is 2xx. It is dropped, and that is told, after an answer that says that the event
    itself does not do (NEVER). After any other answer, and none, it is posted again: a wrong token or path can be put
    right while events wait. `token` is sent as bearer token (RFC 6750). The header Idempotency-Key is the event's id,
    as two answers may get lost. Only host and port of the address are ever shown:
    the path of a webhook is often a secret too. Raises UsageError for an address or token that cannot be used, and
    MissingDependencyError without the extra `webhook`.
    """

    def __init__(
        self, url: str, spool: Spool, *, token: str | None = None, patience: Patience | None = None
    ) -> None:
        self._urllib3 = need("urllib3", "webhook")
        parts = _parse(self._urllib3, url)
        self._url = parts._replace(auth=None, fragment=None).url
        super().__init__(f"webhook {parts._replace(auth=None, path=None, query=None, fragment=None).url}")
        self.faults = spool.faults
        self._spool, self._patience = spool, patience or Patience()
        self._headers = {"Content-Type": "application/json", "User-Agent": "edgecls"} | _authorization(
            parts.auth, token
        )
        self._pool = self._urllib3.PoolManager(num_pools=1, maxsize=1)
        self._trouble = Trouble(self.name, self.faults)
        self._failures = 0
        self._changed = threading.Condition()
        self._ends_at: float | None = None  # of time.monotonic, once the run ends
        self._given_up = False
        self._thread = Worker(self._run, name="edgecls-webhook-posts")

    def start(self, start: Start) -> None:
        self._thread.check()
        self._thread.start()

    def result(self, result: Result) -> None:
        self._thread.check()

    def event(self, event: Event) -> None:
        self._thread.check()
        self._spool.add(event)
        with self._changed:
            self._changed.notify_all()

    def fault(self, fault: Fault) -> None:
        self._thread.check()

    def close(self, summary: Summary) -> None:
        """Post what waits, for a few seconds; the rest stays in the spool for the next run."""
        with self._changed:
            self._ends_at = time.monotonic() + self._patience.close_s
            self._changed.notify_all()
        self._thread.wait(self._patience.close_s)
        if left := len(self._spool):
            self.faults.append(
                Fault(f"{self.name}: {left} events wait in {self._spool.path} for the next run")
            )
        self._spool.close()
        self._pool.clear()
        self._thread.check()

    def _run(self) -> None:
        while (waiting := self._next()) is not None:
            self._attempt(waiting)

    def _next(self) -> Waiting | None:
        """The event to post now; None when the run is over and none waits, or no time is left."""
        with self._changed:
            while not self._given_up and self._left_s() > 0:
                waiting = self._spool.oldest()
                if waiting is not None or self._ends_at is not None:
                    return waiting
                self._changed.wait()
            return None

    def _left_s(self) -> float:
        return float("inf") if self._ends_at is None else self._ends_at - time.monotonic()

    def _attempt(self, waiting: Waiting) -> None:
        answer = self._post(waiting)
        if answer.again:
            self._trouble.failed(answer.reason)
            self._pause(answer)
            return
        self._failures = 0
        self._trouble.worked()
        if answer.reason:
            self.faults.append(Fault(f"{self.name}: {answer.reason}, event {waiting.id} is dropped"))
        self._spool.remove(waiting.id)

    def _pause(self, answer: _Answer) -> None:
        """Wait before the next attempt. When the run ends there is one more at once, unless the server forbade it."""
        waits = self._patience
        wait_s = min(waits.first_s * 2 ** min(self._failures, 30), waits.longest_s)
        if answer.asked_s is not None:
            wait_s = min(max(answer.asked_s, waits.first_s), waits.asked_s)
        self._failures += 1
        with self._changed:
            self._given_up = self._ends_at is not None
            ending = self._changed.wait_for(lambda: self._ends_at is not None, wait_s)
            self._given_up |= ending and answer.asked_s is not None

    def _post(self, waiting: Waiting) -> _Answer:
        errors = self._urllib3.exceptions
        try:
            response = self._pool.request(
                "POST", self._url,
                body=waiting.body.encode(), headers={**self._headers, "Idempotency-Key": waiting.id},
                timeout=self._timeout(), redirect=False, retries=False, preload_content=False,
            )  # fmt: skip
        except (errors.HTTPError, OSError) as error:
            return _Answer(_reason(errors, error), again=True)
        answer = self._judge(response)
        _finish(response, errors)
        return answer

    def _timeout(self) -> Any:
        left_s = max(self._left_s(), 0.1)
        return self._urllib3.Timeout(
            connect=min(self._patience.connect_s, left_s), read=min(self._patience.read_s, left_s)
        )

    def _judge(self, response: Any) -> _Answer:
        status = int(response.status)
        if 200 <= status < 300:
            return _Answer()
        if status in NEVER:
            return _Answer(f"answers {status}")
        hint = HINTS.get(status, ", check the address" if 300 <= status < 400 else "")
        return _Answer(f"answers {status}{hint}", again=True, asked_s=self._asked_s(response))

    def _asked_s(self, response: Any) -> float | None:
        header = response.headers.get("Retry-After")
        try:
            return None if header is None else float(self._urllib3.Retry().parse_retry_after(header))
        except (self._urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
            return None


def _parse(urllib3: Any, url: str) -> Any:
    """The parts of an address. Raises UsageError, which does not repeat it: it may hold a password."""
    try:
        parts = urllib3.util.parse_url(url.strip())
    except urllib3.exceptions.LocationParseError:
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or not parts.host:
        raise UsageError(
            "a webhook is an address such as https://example.org/events, found something else; check it"
        )
    return parts


def _authorization(user: str | None, token: str | None) -> dict[str, str]:
    """The header for a user and password of the address (RFC 7617), or a token."""
    if token is None:
        basic = base64.b64encode(unquote(user or "").encode()).decode()
        return {"Authorization": f"Basic {basic}"} if user else {}
    if user:
        raise UsageError("a webhook takes a user in its address or a token, found both; leave one out")
    if not (token.isascii() and token.isprintable() and token.strip() == token != ""):
        raise UsageError(
            "a token is printable ASCII without spaces around it, found something else; check it"
        )
    return {"Authorization": f"Bearer {token}"}


def _reason(errors: Any, error: Exception) -> str:
    """Why no answer came, in a few words; an address in the error's own text may hold a secret."""
    if isinstance(error, errors.NameResolutionError):
        return "its host's name is not found"
    if isinstance(error, errors.TimeoutError) and not isinstance(error, errors.NewConnectionError):
        return "does not answer in time"
    if isinstance(error, errors.SSLError):
        return f"its certificate or TLS does not do ({first_line(error)})"
    cause = error.__cause__ or error.__context__
    detail = getattr(cause, "strerror", None) or type(cause or error).__name__
    return f"cannot be reached ({detail})"


def _finish(response: Any, errors: Any) -> None:
    """Read a short answer to its end, so that the connection serves again; else close it."""
    with contextlib.suppress(errors.HTTPError, OSError):
        response.read(ANSWER_BYTES)
        if response.length_remaining == 0:
            response.release_conn()
            return
    response.close()
