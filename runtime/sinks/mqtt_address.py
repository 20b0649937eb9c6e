"""MqttAddress: which broker, how to log in, and below which topic."""

from __future__ import annotations

import hashlib
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from edgecls.errors import UsageError, first_line


@dataclass(frozen=True)
class MqttAddress:
    """Broker, login, and the topic below which a run publishes. Raises UsageError for what cannot be used."""

    host: str
    port: int
    prefix: str
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @classmethod
    def from_url(cls, url: str, *, password: str | None = None, ca_file: Path | None = None) -> MqttAddress:
        """From mqtt[s]://[USER[:PASSWORD]@]HOST[:PORT][/PREFIX]; mqtts is TLS with the system's CAs or `ca_file`.

        Without a prefix it is edgecls/HOSTNAME. Raises UsageError, which does not repeat the address.
        """
        try:
            parts = urlsplit(url.strip())
            usual_port = {"mqtt": 1883, "mqtts": 8883}[parts.scheme]
            host, port = parts.hostname or "", usual_port if parts.port is None else parts.port
            host.encode("idna")
        except (KeyError, ValueError):
            host, port = "", 0
        if not host or not port or parts.query or {"?", "#"} & set(url):
            raise UsageError(
                "a broker's address is mqtt[s]://[USER@]HOST[:PORT]/TOPIC, found another; check it"
            )
        if None not in (password, parts.password):
            raise UsageError("an MQTT password stands in the address or beside it, found both; leave one out")
        prefix = unquote(parts.path).strip("/") or f"edgecls/{socket.gethostname()}"
        user, given = (unquote(text) if text else None for text in (parts.username, parts.password))
        tls = _tls(ca_file) if parts.scheme == "mqtts" else None
        return cls(host, port, prefix, tls, user, password if password is not None else given)

    def __post_init__(self) -> None:
        if not self.prefix.isprintable() or self.prefix.startswith("$") or {"+", "#"} & set(self.prefix):
            raise UsageError(
                "expected a topic without +, # and $ at its start, found another; choose a plain one"
            )
        if self.password is not None and self.user is None:
            raise UsageError("expected a user to the MQTT password, found none; write mqtt://USER@HOST")

    @property
    def shown(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}/{self.prefix}"

    @property
    def client_id(self) -> str:
        """One for each prefix, of 23 letters and digits, which every broker takes (MQTT 3.1.1, 3.1.3.1)."""
        return f"edgecls{hashlib.sha256(self.prefix.encode()).hexdigest()[:16]}"


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise UsageError(
            f"{ca_file}: expected certificates in PEM, found: {first_line(error)}; name another file"
        ) from error
