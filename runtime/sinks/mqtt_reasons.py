"""Why MQTT does not work just now, in a few words for a person."""

from __future__ import annotations

import socket
import ssl

from edgecls.errors import first_line

LOSSES = {  # reasons of a disconnection, by their names in MQTT 5
    "Session taken over": "another run has the same topic and took over; give each its own",
    "Server shutting down": "the broker shuts down",
    "Keep alive timeout": "the broker does not answer",
}
LOGIN = ("Bad user name or password", "Not authorized")


def refused(reason: str) -> str:
    """The broker answered, and wants nobody like this."""
    return f"the broker refuses it: {reason}{', check user and password' if reason in LOGIN else ''}"


def lost(reason: str, *, again: bool) -> str:
    """The connection stood, and does not any more; `again` when it broke soon after the last time, too."""
    return LOSSES.get(
        reason, f"the connection broke{', again; has another run the same topic?' if again else ''}"
    )


def unreachable(error: BaseException | None) -> str:
    """There is no connection."""
    if isinstance(error, socket.gaierror):
        return "its host's name is not found"
    if isinstance(error, ssl.SSLError):
        return f"its certificate or TLS does not do ({first_line(error)})"
    return f"cannot be reached ({getattr(error, 'strerror', None) or type(error).__name__})"
