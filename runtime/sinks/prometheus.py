"""PrometheusSink: a run in numbers, for Prometheus to scrape."""

from __future__ import annotations

import math
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from edgecls.devices.health import Health, read_health
from edgecls.errors import UsageError, need
from edgecls.runtime.sinks.sink import Losses, QuietSink, Result, Start, Summary
from edgecls.runtime.sources.source import Fault
from edgecls.runtime.watcher import Event

STAGES = ("capture", "preprocess", "invoke", "decide")
BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
CONNECTIONS = 16  # at once; a further one is closed
CONNECTION_S = 5.0  # of silence


class PrometheusSink(QuietSink):
    """Answers GET at http://`host`:`port`/metrics in Prometheus' text format, from now on until it is closed.

    Port 0 takes a free one; `port` says which. Names follow https://prometheus.io/docs/practices/naming/. Raises
    MissingDependencyError without the extra `metrics` and UsageError when it cannot listen there.
    """

    def __init__(
        self, host: str = "127.0.0.1", port: int = 9464, *, health: Callable[[], Health] = read_health
    ) -> None:
        super().__init__("Prometheus")
        self._metrics = _Metrics(health)
        self._losses = Losses()
        self._seen: str | None = None
        self._server = _listen(host, port)
        self._server.set_app(need("prometheus_client", "metrics").make_wsgi_app(self._metrics.registry))
        self.port = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="edgecls-metrics", daemon=True
        )
        self._thread.start()

    def start(self, start: Start) -> None:
        self._metrics.info.info(
            {
                "network": start.network,
                "model": start.model,
                "precision": start.precision,
                "engine": start.engine,
                "source": start.source,
            }
        )
        for label in start.labels:
            self._metrics.seen.labels(label)

    def result(self, result: Result) -> None:
        metrics, stages, found = self._metrics, result.stages_ms, result.prediction
        metrics.results.inc()
        self._count_losses(result.losses)
        for histogram, ms in zip(
            metrics.stages, (stages.capture, stages.preprocess, stages.invoke, stages.decide), strict=True
        ):
            histogram.observe(ms / 1e3)
        metrics.age.set(result.age_ms / 1e3)
        metrics.newest.set(result.unix_ns / 1e9)
        metrics.confidence.set(found.confidence)
        if result.watched:
            self._see(result.seen.label if result.seen else None)
        else:
            self._see(None if found.unknown else found.label)

    def event(self, event: Event) -> None:
        self._metrics.events.labels(event.label, event.kind).inc()
        self._see(event.label if event.kind == "enter" else None)
        if event.reason == "no frames":
            self._metrics.age.set(math.nan)
            self._metrics.confidence.set(math.nan)

    def fault(self, fault: Fault) -> None:
        if fault.recovered_s is None:
            self._metrics.faults.inc()
        else:
            self._metrics.recoveries.inc()

    def close(self, summary: Summary) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _count_losses(self, now: Losses) -> None:
        before, self._losses = self._losses, now
        if now != before:
            self._metrics.dropped.inc(now.drops - before.drops)
            self._metrics.stale.inc(now.stale - before.stale)

    def _see(self, label: str | None) -> None:
        if label == self._seen:
            return
        if self._seen is not None:
            self._metrics.seen.labels(self._seen).set(0)
        if label is not None:
            self._metrics.seen.labels(label).set(1)
        self._seen = label


class _Metrics:
    """Every metric, in a registry of their own; what no result has told yet is not a number."""

    def __init__(self, health: Callable[[], Health]) -> None:
        client = need("prometheus_client", "metrics")
        self.registry = registry = client.CollectorRegistry()

        def counter(name: str, text: str, labels: tuple[str, ...] = ()) -> Any:
            return client.Counter(f"edgecls_{name}_total", text, labels, registry=registry)

        def gauge(name: str, text: str, labels: tuple[str, ...] = ()) -> Any:
            return client.Gauge(f"edgecls_{name}", text, labels, registry=registry)

        self.results = counter("results", "Frames classified.")
        self.dropped = counter("dropped_frames", "Frames passed over because a newer one was there.")
        self.stale = counter("stale_frames", "Frames without a result because they were too old.")
        self.events = counter("events", "Labels that came (enter) or went (leave).", ("label", "kind"))
        self.faults = counter("faults", "Pictures passed over, and failures of the source or of a sink.")
        self.recoveries = counter("recoveries", "Failures of the source or of a sink that ended.")
        self.age = gauge("frame_age_seconds", "From the newest result's capture to its decision.")
        self.newest = gauge("newest_result_timestamp_seconds", "When the newest result came, Unix time.")
        self.seen = gauge("seen", "1 for the label that is there.", ("label",))
        self.confidence = gauge("confidence", "Probability of the newest result's best label.")
        self.info = client.Info("edgecls", "What runs.", registry=registry)
        stages = client.Histogram(
            "edgecls_stage_seconds", "What each stage of a frame takes; capture is mostly the wait for it.",
            ("stage",), buckets=BUCKETS_S, registry=registry,
        )  # fmt: skip
        self.stages = [stages.labels(stage) for stage in STAGES]
        self.age.set(math.nan)
        self.confidence.set(math.nan)
        registry.register(_Temperature(health))


class _Temperature:
    """Read when Prometheus asks; absent where the board does not tell."""

    def __init__(self, health: Callable[[], Health]) -> None:
        self._health = health

    def describe(self) -> Iterator[Any]:
        yield self._family(None)

    def collect(self) -> Iterator[Any]:
        degrees = self._health().temperature_c
        if degrees is not None:
            yield self._family(degrees)

    def _family(self, value: float | None) -> Any:
        core = need("prometheus_client.core", "metrics")
        return core.GaugeMetricFamily("edgecls_temperature_celsius", "Of the processor.", value)


class _Handler(WSGIRequestHandler):
    timeout = CONNECTION_S

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingMixIn, WSGIServer):
    """prometheus_client's own, but with a bound on connections and on their silence."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, family: socket.AddressFamily, address: Any) -> None:
        self.address_family = family
        self._places = threading.BoundedSemaphore(CONNECTIONS)
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Without HTTPServer's question for the host's full name, which may wait for a DNS server for seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away or was silent is no matter of ours."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def _listen(host: str, port: int) -> _Server:
    try:
        if not 0 <= port <= 0xFFFF:
            raise OverflowError("a port is at most 65535")  # getaddrinfo takes the rest of a division
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return _Server(found[0][0], found[0][4])
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"expected to give metrics at {host}:{port}, found: {reason}; choose another port or address"
        ) from error
