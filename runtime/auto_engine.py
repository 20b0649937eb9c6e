"""Auto engine: which variant of a bundle, on which engine with how many threads, is the fastest here."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from edgecls.bundle import Bundle
from edgecls.errors import EdgeclsError
from edgecls.files import digest_json, read_json, sha256_file, write_json
from edgecls.machine import Machine
from edgecls.manifest_file import DOCUMENT
from edgecls.records import from_record, to_record
from edgecls.runtime.engine_choice import Choice
from edgecls.runtime.timing import Clock, monotonic

PACKAGES = ("ai-edge-litert", "tflite-runtime", "onnxruntime", "numpy")


def choose_engine(
    bundle: Bundle,
    machine: Machine,
    *,
    engine: str | None = None,
    threads: int | None = None,
    format: str | None = None,
    precision: str | None = None,
    cache: Path | None = None,
    announce: Callable[[int], None] | None = None,
    clock: Clock = monotonic,
) -> Choice:
    """Time every configuration that fits what is asked, or take what was found before for the same bundle and machine.

    A configuration that does not give the bundle's golden answers is left out. `cache` is a folder; one that cannot be
    written only means that the next start measures again; `announce` hears the number of configurations before they are
    timed. Raises UsageError when nothing fits, DeviceError when no engine works, ModelError when a file was changed.
    """
    asked = (engine, threads, format, precision)
    place = (cache or default_cache()) / f"{_key(bundle, machine, asked)}.json"
    known = _known(place)
    if known is not None:
        return known
    from edgecls.runtime.engine_timing import (  # a start that finds its choice needs none of it
        fitting,
        measure,
    )

    ways = fitting(bundle, machine, engine=engine, threads=threads, format=format, precision=precision)
    if announce is not None:
        announce(len(ways))
    found = measure(bundle, ways, clock=clock)
    with contextlib.suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        write_json(place, to_record(found))
    return found


def default_cache() -> Path:
    """Where the XDG Base Directory Specification puts such things; systemd's CacheDirectory= where there is one."""
    base = os.environ.get("CACHE_DIRECTORY") or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "edgecls" / "engines"


def _key(bundle: Bundle, machine: Machine, asked: Sequence[object]) -> str:
    return digest_json(
        {
            "manifest": sha256_file(bundle.folder / DOCUMENT),
            "machine": asdict(machine),
            "versions": {name: _version(name) for name in PACKAGES},
            "asked": list(asked),
        }
    )[:32]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _known(place: Path) -> Choice | None:
    """What was found before; None when there is nothing, or nothing that can be read."""
    if not place.is_file():
        return None
    try:
        return from_record(Choice, read_json(place), str(place))
    except EdgeclsError:
        return None
