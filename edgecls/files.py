"""Files that are whole or absent: digests, JSON, and folders that appear at once."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from edgecls.errors import EdgeclsError, ModelError, UsageError

FULL_BYTES = 1 << 20  # a disk with less left is full


def sha256_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Digest of a file's bytes, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def digest_json(value: Any) -> str:
    """Digest of a JSON value that does not depend on the order of its keys."""
    return sha256_bytes(json.dumps(value, sort_keys=True, ensure_ascii=False).encode())


def utc_now() -> str:
    """The time now, as `utc_text` has it."""
    return utc_text(time.time_ns())


def utc_text(unix_ns: int) -> str:
    """Nanoseconds since 1970 as UTC, ISO 8601 with microseconds: sorts as text."""
    return utc_time(unix_ns).isoformat(timespec="microseconds")


def utc_time(unix_ns: int) -> datetime:
    """Nanoseconds since 1970 as UTC, the last three digits cut off."""
    seconds, ns = divmod(unix_ns, 1_000_000_000)
    return datetime.fromtimestamp(seconds, timezone.utc).replace(microsecond=ns // 1000)


def read_json(path: Path) -> Any:
    """Read a JSON file. Raises ModelError when it is absent, unreadable or no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except ValueError as error:
        raise ModelError(f"{path}: expected JSON, found something else ({error}); make it anew") from error


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file so that it is either the old one or the whole new one."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file so that it is either the old one or the whole new one."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise EdgeclsError(
            f"{path}: cannot be written ({error.strerror}); free space or choose another place"
        ) from error


@contextmanager
def new_folder(target: Path, *, force: bool = False, document: str = "") -> Iterator[Path]:
    """Give a temporary folder beside `target` that takes its name when the block ends well.

    On any error the temporary folder is removed and `target` stays as it was. Leftovers of killed
    processes are removed first. Raises UsageError when `target` exists and `force` is False, or when it
    exists without `document`, the file that says that it may be replaced.
    """
    check_replaceable(target, force=force, documents=(document,))
    partial = _beside(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(target.parent)
        shutil.rmtree(partial, ignore_errors=True)  # in a container every process may get the same number
        partial.mkdir()
        yield partial
        _take_name(partial, target, force=force)
    except OSError as error:
        reason = error.strerror or error
        raise EdgeclsError(
            f"{target}: cannot be written ({reason}); nothing was kept, free space and try again"
        ) from error
    except EdgeclsError as error:
        if not _is_full(partial):
            raise
        raise EdgeclsError(
            f"{target}: cannot be written (the disk is full); nothing was kept, free space and try again"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _is_full(folder: Path) -> bool:
    """Say whether the disk under `folder` is full: libraries name that in many ways, or crash."""
    return folder.is_dir() and shutil.disk_usage(folder).free < FULL_BYTES


def _beside(target: Path) -> Path:
    return target.parent / f".{target.name}.{os.getpid()}.partial"


def check_replaceable(target: Path, *, force: bool, documents: tuple[str, ...]) -> None:
    """Raise UsageError when `target` exists, unless `force` is asked and it holds one of `documents`."""
    if not target.exists():
        return
    if not force:
        raise UsageError(f"{target} exists already; choose another --name or add --force")
    if not any((target / document).exists() for document in documents):
        raise UsageError(
            f"{target}: expected a folder with {' or '.join(documents)} to replace, found another; "
            "choose another name"
        )


@contextmanager
def made_anew(target: Path, *, force: bool) -> Iterator[None]:
    """Make an empty folder for a block to fill. With `force` it replaces the one there, which waits at `aside(target)`.

    The old one is deleted when the block ends well, else it comes back. One that waits already is of a killed
    process, and `target` its unfinished successor, which goes. Raises UsageError when `target` exists without `force`.
    """
    try:
        if force:
            _set_aside(target)
        target.mkdir(parents=True)
    except OSError as error:
        put_back(target)
        if isinstance(error, FileExistsError):
            raise UsageError(f"{target} was made by another command meanwhile; repeat this one") from error
        raise EdgeclsError(
            f"{target}: cannot be made ({error.strerror}); check the permissions of {target.parent}"
        ) from error
    try:
        yield
    except BaseException:
        if aside(target).exists():
            shutil.rmtree(target, ignore_errors=True)
            put_back(target)
        raise
    discard_aside(target)


def aside(target: Path) -> Path:
    """Where the old `target` waits until the new one is whole; hidden, so that nobody lists it."""
    return target.with_name(f".{target.name}.old")


def put_back(target: Path) -> None:
    """Give what was set aside its name back, unless something stands there."""
    if aside(target).exists() and not target.exists():
        aside(target).rename(target)


def discard_aside(target: Path) -> None:
    """Delete what was set aside. A process killed meanwhile leaves no half of it to put back."""
    old = _beside(target.with_name(f"{target.name}.old"))
    with suppress(FileNotFoundError):
        aside(target).rename(old)
    shutil.rmtree(old, ignore_errors=True)


def _set_aside(target: Path) -> None:
    if aside(target).exists():
        shutil.rmtree(target, ignore_errors=True)
    elif target.exists():
        target.rename(aside(target))


def _take_name(partial: Path, target: Path, *, force: bool) -> None:
    """Rename `partial` to `target`. An old target steps aside: removing it in place can be cut short."""
    if target.exists() and not force:
        raise UsageError(f"{target} was made by another command meanwhile; repeat this one")
    old = _beside(target.with_name(f"{target.name}.old"))
    if target.exists():
        target.rename(old)
    partial.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _remove_leftovers(parent: Path) -> None:
    for folder in parent.glob(".*.partial"):
        pid = folder.name.rsplit(".", 2)[-2]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(folder, ignore_errors=True)
