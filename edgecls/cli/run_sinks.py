"""The sinks that `edgecls run` was asked for; modules of those it was not are not loaded."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer

from edgecls.errors import UsageError
from edgecls.files import sha256_bytes
from edgecls.runtime.sinks.sink import Sink
from edgecls.runtime.sinks.terminal import TerminalSink

THIS_MACHINE = "127.0.0.1"
PREVIEW_PORT, METRICS_PORT = 8088, 9464
USUAL_PREVIEW = f"{THIS_MACHINE}:{PREVIEW_PORT}"


@dataclass(frozen=True)
class SinkOptions:
    """Where results go, as the options of `edgecls run` say it; None for what was not asked for.

    A file is set aside at `file_bytes`, and `files_kept` of those stay.
    """

    to_stdout: bool = False
    jsonl: Path | None = None
    csv: Path | None = None
    file_bytes: int = 100_000_000
    files_kept: int = 5
    mqtt: str | None = None
    mqtt_password: str | None = None
    mqtt_ca: Path | None = None
    home_assistant: bool = False
    webhook: str | None = None
    webhook_token: str | None = None
    webhook_spool: Path | None = None
    on_event: str | None = None
    hard_frames: Path | None = None
    hard_frames_mb: float = 500.0
    metrics: str | None = None
    preview: str | None = None
    preview_token: str | None = None


def make_sinks(asked: SinkOptions) -> list[Sink]:
    """Every sink that was asked for, the terminal on stderr, and systemd where it listens.

    Raises UsageError for what cannot be used, MissingDependencyError for a sink whose extra is not installed.
    """
    _check_files(asked)
    return [*_streams(asked), *_files(asked), *_peers(asked), *_servers(asked)]


def _check_files(asked: SinkOptions) -> None:
    if str(asked.csv) == "-":
        raise UsageError("--csv expects a file, found '-'; on stdout go JSON lines only, with --json")
    if asked.csv is not None and asked.jsonl is not None and asked.csv.resolve() == asked.jsonl.resolve():
        raise UsageError(f"--csv and --jsonl expect two files, found {asked.csv} twice; name another")


def _streams(asked: SinkOptions) -> Iterator[Sink]:
    if asked.to_stdout:
        from edgecls.runtime.sinks.json_lines import JsonLinesSink

        yield JsonLinesSink(sys.stdout)
    yield TerminalSink(sys.stderr)
    from edgecls.runtime.sinks.systemd import systemd_sink

    if (systemd := systemd_sink()) is not None:
        yield systemd


def _files(asked: SinkOptions) -> Iterator[Sink]:
    if asked.jsonl is not None and str(asked.jsonl) != "-":
        from edgecls.runtime.sinks.json_lines import JsonFileSink
        from edgecls.runtime.sinks.line_file import LineFile

        file = LineFile(asked.jsonl, max_bytes=asked.file_bytes, keep=asked.files_kept)
        yield JsonFileSink(file, str(asked.jsonl))
    if asked.csv is not None:
        from edgecls.runtime.sinks.csv_file import CsvSink

        yield CsvSink(asked.csv, max_bytes=asked.file_bytes, keep=asked.files_kept)
    if asked.hard_frames is not None:
        from edgecls.runtime.sinks.hard_frames import HardFramesSink

        yield HardFramesSink(asked.hard_frames, quota_mb=asked.hard_frames_mb)


def _peers(asked: SinkOptions) -> Iterator[Sink]:
    if asked.mqtt is not None:
        from edgecls.runtime.sinks.mqtt import MqttSink
        from edgecls.runtime.sinks.mqtt_address import MqttAddress

        address = MqttAddress.from_url(asked.mqtt, password=asked.mqtt_password, ca_file=asked.mqtt_ca)
        yield MqttSink(address, discovery=asked.home_assistant)
    elif asked.home_assistant:
        raise UsageError("--home-assistant goes over MQTT, found no --mqtt; add the address of your broker")
    if asked.webhook is not None:
        from edgecls.runtime.sinks.spool import Spool
        from edgecls.runtime.sinks.webhook import WebhookSink

        spool = Spool(asked.webhook_spool or usual_spool(asked.webhook))
        yield WebhookSink(asked.webhook, spool, token=asked.webhook_token)
    if asked.on_event is not None:
        from edgecls.runtime.sinks.command_hook import CommandSink

        yield CommandSink(asked.on_event)


def _servers(asked: SinkOptions) -> Iterator[Sink]:
    if asked.metrics is not None:
        from edgecls.runtime.sinks.prometheus import PrometheusSink

        yield PrometheusSink(*read_address(asked.metrics, option="--metrics", port=METRICS_PORT))
    if asked.preview is not None:
        from edgecls.runtime.preview.sink import PreviewSink

        host, port = read_address(asked.preview, option="--preview-at", port=PREVIEW_PORT)
        preview = PreviewSink(host, port, token=asked.preview_token)
        typer.echo(preview.invitation, err=True)
        yield preview


def usual_spool(url: str) -> Path:
    """Where events for an address wait: a file of its own in the state folder, systemd's where there is one.

    The XDG Base Directory Specification's otherwise.
    """
    base = os.environ.get("STATE_DIRECTORY") or os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "edgecls" / f"webhook-{sha256_bytes(url.encode())[:16]}.sqlite"


def read_address(text: str, *, option: str, port: int) -> tuple[str, int]:
    """(host, port) from [HOST:]PORT, an IPv6 host in brackets. Raises UsageError for anything else."""
    host, _, given = text.rpartition(":")
    if not (given.isascii() and given.isdecimal()):
        raise UsageError(f"{option} expects [HOST:]PORT, found '{text}'; try {THIS_MACHINE}:{port}")
    return host.strip("[]") or THIS_MACHINE, int(given)
