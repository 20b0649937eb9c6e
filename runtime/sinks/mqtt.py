"""MqttSink: what is there, every event and fault, and a result now and then, to an MQTT broker."""

from __future__ import annotations

import contextlib
import json
import math
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from edgecls.errors import UsageError, need
from edgecls.runtime.sinks.home_assistant import discovery_messages
from edgecls.runtime.sinks.json_lines import event_line, fault_line, json_line
from edgecls.runtime.sinks.mqtt_address import MqttAddress
from edgecls.runtime.sinks.mqtt_reasons import lost, refused, unreachable
from edgecls.runtime.sinks.records import result_record, seen_record
from edgecls.runtime.sinks.seen_news import SeenNews
from edgecls.runtime.sinks.sink import QuietSink, Result, Start, Summary
from edgecls.runtime.sinks.trouble import Trouble
from edgecls.runtime.sources.source import Fault
from edgecls.runtime.timing import Clock, elapsed_ms, monotonic
from edgecls.runtime.watcher import Event, Seen

KEEPALIVE_S = 30  # who says nothing for twice as long is gone
LONGEST_S = 60  # between attempts to connect
STEADY_MS = 120_000.0  # a connection that broke sooner is tried again less often
CLOSE_S = 3.0
NOTHING = "null"


class MqttSink(QuietSink):
    """Publishes below the prefix of `address`, with MQTT 5, or 3.1.1 where the broker knows no other.

    `status` is "online" or "offline", by last will too. `seen` is what the Watcher says is there, or null: when that
    changes, when its confidence moved by 0.05 (once a second at most), and every minute while frames come; both are
    retained. `event` and `fault` are of QoS 1 and wait for a broker that is away: at most `kept`, the oldest are lost.
    They keep their order; after a broken connection one may come twice. `result` is one now and then, while connected.

    The client id belongs to the prefix: a run that starts again after a power cut takes over its old session, whose
    last will cannot hit it later. Of two runs with one prefix the later takes over from the earlier, in turns, at last
    a minute apart. That is said at once where the broker tells, else (mosquitto 2.0) when it happens again. Raises
    MissingDependencyError without the extra `mqtt`.
    """

    def __init__(
        self, address: MqttAddress, *, discovery: bool = False, results_per_s: float = 1.0,
        kept: int = 1000, clock: Clock = monotonic,
    ) -> None:  # fmt: skip
        if not 0 <= results_per_s < math.inf:
            raise UsageError(f"expected 0 or more results a second, found {results_per_s}; try 1")
        super().__init__(f"MQTT {address.shown}")
        self._paho = need("paho.mqtt.client", "mqtt")
        self._address, self._discovery, self._kept, self._clock = address, discovery, kept, clock
        self._result_every_ms = 1e3 / results_per_s if results_per_s else math.inf
        self._result_ns: int | None = None
        self._announced: dict[str, str] = {}  # to be told, with `seen`, at each connection
        self._news, self._seen_text = SeenNews(clock), NOTHING
        self._waiting: deque[tuple[str, str]] = deque()
        self._sending: tuple[str, str] | None = None  # the one that the broker has to confirm
        self._lost = 0
        # Not taken in `_on_disconnect` and `_on_publish`: paho may hold a lock there that `publish` waits for.
        self._changed = threading.Condition()
        self._online, self._ending, self._closed = threading.Event(), False, False
        self._trouble, self._refusal, self._denial = Trouble(self.name, self.faults, clock=clock), "", ""
        self._connected_ns, self._broken = clock(), 0
        self._died: BaseException | None = None
        self._client = self._make(self._paho.MQTTv5)

    def start(self, start: Start) -> None:
        address = self._address
        if self._discovery:
            self._announced = discovery_messages(start, node=address.client_id, prefix=address.prefix)
        self._connect()
        threading.Thread(target=self._guard, args=(self._send_waiting,), daemon=True).start()

    def result(self, result: Result) -> None:
        self._check()
        seen, now = result.seen, self._clock()
        if self._news.is_new(seen):
            record = seen_record(seen, result.frame)
            self._tell_seen(seen, json.dumps({"time": result.time, **record}) if record else NOTHING)
        due = self._result_ns is None or elapsed_ms(self._result_ns, now) >= self._result_every_ms
        if due and self._online.is_set() and self._result_every_ms < math.inf:
            self._result_ns = now
            self._publish("result", json_line("result", result_record(result)))

    def event(self, event: Event) -> None:
        self._check()
        if event.reason == "no frames":
            self._tell_seen(None, NOTHING)
        self._keep("event", event_line(event))

    def fault(self, fault: Fault) -> None:
        self._check()
        self._keep("fault", fault_line(fault))

    def close(self, summary: Summary) -> None:
        """Send what waits, that nothing is seen and that nobody is there; give up where the broker is away."""
        ends_at = time.monotonic() + CLOSE_S
        if not self._trouble.there:
            self._online.wait(CLOSE_S / 2)  # a run over a few photos is done before it is connected
        self._ending = True
        with self._changed:
            left = ends_at - CLOSE_S / 3 - time.monotonic()
            self._changed.wait_for(lambda: not self._unsent or not self._online.is_set(), left)
            self._closed = True
            self._changed.notify_all()
        if self._online.is_set():
            self._publish("seen", NOTHING, retain=True)
            last = self._publish("status", "offline", retain=True)
            with contextlib.suppress(RuntimeError):  # the connection broke just now
                last.wait_for_publish(max(ends_at - CLOSE_S / 6 - time.monotonic(), 0))
        self._client.disconnect()
        stopping = threading.Thread(target=self._client.loop_stop, daemon=True)  # it may be connecting
        stopping.start()
        stopping.join(max(ends_at - time.monotonic(), 0))
        if self._unsent:
            self.faults.append(Fault(f"{self.name}: {self._unsent} messages are lost at the end"))
        self._check()

    @property
    def _unsent(self) -> int:
        return len(self._waiting) + (self._sending is not None)

    def _check(self) -> None:
        if self._died is not None:
            raise self._died

    def _tell_seen(self, seen: Seen | None, text: str) -> None:
        """Not of QoS 1: an unconfirmed one would be sent again after a newer one."""
        with self._changed:
            self._news.tell(seen)
            self._seen_text = text
            if self._online.is_set():
                self._publish("seen", text, retain=True)

    def _keep(self, topic: str, text: str) -> None:
        with self._changed:
            if len(self._waiting) >= self._kept:
                self._waiting.popleft()
                self._lost += 1
                if self._lost == 1:
                    self.faults.append(Fault(f"{self.name}: {self._kept} messages wait, the oldest are lost"))
            self._waiting.append((topic, text))
            self._changed.notify_all()

    def _send_waiting(self) -> None:
        """One by one: none comes after a later one then, even when it is sent again (MQTT 5, 4.6)."""
        while (waiting := self._take()) is not None:
            client, message = self._client, self._publish(*waiting, qos=1)
            message.rc = self._paho.MQTT_ERR_SUCCESS  # without a connection too: paho sends it at the next
            while not (message.is_published() or self._closed) and client is self._client:
                message.wait_for_publish(CLOSE_S)
            with self._changed:
                self._sending = None if message.is_published() else waiting
                self._changed.notify_all()

    def _take(self) -> tuple[str, str] | None:
        """Wait for a message that can be sent, first the one that another client left; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or (self._unsent and self._online.is_set()))
            if self._closed:
                return None
            self._sending = self._sending or self._waiting.popleft()
            return self._sending

    def _publish(self, topic: str, text: str, **options: Any) -> Any:
        return self._client.publish(f"{self._address.prefix}/{topic}", text, **options)

    def _make(self, protocol: int) -> Any:
        """A client of the paho library that tries for ever, and whose death is noticed."""
        paho, address = self._paho, self._address
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, address.client_id, protocol=protocol)
        if address.user is not None:
            client.username_pw_set(address.user, address.password)
        if address.tls is not None:
            client.tls_set_context(address.tls)
        client.will_set(f"{address.prefix}/status", "offline", qos=1, retain=True)
        client.reconnect_delay_set(1, LONGEST_S)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_connect_fail, client.on_publish = self._on_connect_fail, self._on_publish
        loop = client.loop_forever
        client.loop_forever = lambda **options: self._guard(loop, **options)
        return client

    def _connect(self) -> None:
        self._client.connect_async(self._address.host, self._address.port, KEEPALIVE_S)
        self._client.loop_start()

    def _guard(self, loop: Callable[..., object], **options: Any) -> None:
        try:
            loop(**options)
        except BaseException as error:  # whatever kills this thread must reach the pipeline
            self._died = error

    def _on_connect(self, client: Any, _data: object, _flags: object, reason: Any, _more: object) -> None:
        if reason.is_failure:
            self._refused(client, str(reason))
            return
        if self._ending:  # an attempt that was on its way
            client.disconnect()
            return
        self._refusal, self._connected_ns = "", self._clock()
        self._trouble.worked()
        with self._changed:
            if self._lost:
                self.faults.append(Fault(f"{self.name}: {self._lost} messages were lost meanwhile"))
                self._lost = 0
            self._online.set()
            for topic, text in self._announced.items():
                client.publish(topic, text, retain=True)
            self._publish("seen", self._seen_text, retain=True)
            self._publish("status", "online", retain=True)
            self._changed.notify_all()

    def _refused(self, client: Any, reason: str) -> None:
        if reason == "Unsupported protocol version" and client.protocol == self._paho.MQTTv5:
            self._client = self._make(self._paho.MQTTv311)
            client.disconnect()
            self._connect()
            return
        if self._trouble.there and reason != self._refusal:
            self.faults.append(Fault(f"{self.name}: {refused(reason)}; going on, and trying again"))
        self._trouble.failed(refused(reason))
        self._refusal = reason

    def _on_publish(self, _client: Any, _data: object, _mid: int, reason: Any, _more: object) -> None:
        if reason.is_failure and str(reason) != self._denial:
            self._denial = str(reason)
            told = f"{self.name}: the broker takes no messages: {reason}; check what this user may publish"
            self.faults.append(Fault(told))

    def _on_connect_fail(self, _client: object, _data: object) -> None:
        self._trouble.failed(unreachable(sys.exc_info()[1]))  # paho calls this while it handles the error

    def _on_disconnect(self, client: Any, _data: object, _flags: object, reason: Any, _more: object) -> None:
        if client is not self._client:
            return
        was_online = self._online.is_set()
        self._online.clear()
        if was_online:
            self._slow_down()
        if not self._ending and not self._refusal:
            self._trouble.failed(lost(str(reason), again=self._broken > 1))

    def _slow_down(self) -> None:
        """Wait longer for each connection that breaks soon after another: two runs may take them from each other."""
        stood_ms = elapsed_ms(self._connected_ns, self._clock())
        self._broken = 0 if stood_ms >= STEADY_MS else min(self._broken + 1, 7)
        self._client.reconnect_delay_set(min(2 ** max(self._broken - 1, 0), LONGEST_S), LONGEST_S)
