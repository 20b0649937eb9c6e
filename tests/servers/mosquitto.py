"""Mosquitto: a real MQTT broker that a test may stop, freeze and start again, and a client that reads all it gets."""

from __future__ import annotations

import contextlib
import getpass
import json
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.waiting import DEADLINE_S, eventually

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
needs_broker = pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto, a package of Debian")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Broker:
    """Mosquitto on a port of its own."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        own = f"user {getpass.getuser()}", f"listener {self.port} 127.0.0.1", "persistence false"
        self._config.write_text("\n".join((*own, *(lines or ("allow_anonymous true",)))))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Broker:
        command = [str(MOSQUITTO), "-c", str(self._config)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(self._listens)
        return self

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
            self.process = None

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


class Proxy:
    """Between a client and the broker: counts connections, cuts them, ends them at once while not `open`, and when `old`
    refuses MQTT 5 (3.1.1, 3.2.2.3).
    """

    def __init__(self, broker: Broker, *, old: bool = False, open: bool = True) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.connections = 0
        self._to, self.old, self.open = broker.port, old, open
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def say(self, packet: bytes) -> None:
        """To the clients."""
        for client in self._open[::2]:
            client.sendall(packet)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            if self.open:
                self._join(client)

    def _join(self, client: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", self._to)) as broker:
            first = client.recv(4096)
            if self.old and first[first.index(b"MQTT") + 4] == 5:
                client.sendall(b"\x20\x02\x00\x01")
                return
            broker.sendall(first)
            self._open += [client, broker]
            threading.Thread(target=_copy, args=(broker, client), daemon=True).start()
            _copy(client, broker)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(4096):
            target.sendall(data)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


class Reader:
    """Another client, which keeps all it reads."""

    def __init__(self, port: int) -> None:
        paho = pytest.importorskip("paho.mqtt.client", reason="needs the extra 'mqtt'")
        self.messages: list[Any] = []
        ready = threading.Event()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.on_message = lambda _client, _data, message: self.messages.append(message)
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.connect("127.0.0.1", port)
        self._client.subscribe("#", 1)
        self._client.loop_start()
        assert ready.wait(DEADLINE_S)

    def retained(self, count: int) -> dict[str, str]:
        """The first messages by their topic, once there are so many."""
        eventually(lambda: len(self.messages) >= count)
        return {one.topic: one.payload.decode() for one in self.messages[:count] if one.retain}

    def texts(self, topic: str) -> list[str]:
        return [one.payload.decode() for one in list(self.messages) if one.topic == topic]

    def values(self, topic: str) -> list[Any]:
        return [json.loads(text) for text in self.texts(topic)]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def make_broker(tmp_path: Path) -> Iterator[Callable[..., Broker]]:
    """Makes brokers with further lines of configuration."""
    made: list[Broker] = []

    def make(*lines: str) -> Broker:
        made.append(Broker(tmp_path, *lines))
        return made[-1]

    yield make
    for broker in made:
        broker.stop()


@pytest.fixture
def broker(make_broker: Callable[..., Broker]) -> Broker:
    return make_broker()


@pytest.fixture
def read() -> Iterator[Callable[[int], Reader]]:
    """Makes readers of all topics."""
    made: list[Reader] = []

    def make(port: int) -> Reader:
        made.append(Reader(port))
        return made[-1]

    yield make
    for reader in made:
        reader.close()
