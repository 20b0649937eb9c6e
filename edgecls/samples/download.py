"""Downloading one file: what was cut off goes on where it stopped, and the digest decides whether it is whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from edgecls import __version__
from edgecls.errors import DataError
from edgecls.progress import Tick

TIMEOUT_S = 10.0  # to connect, and between two pieces
_BLOCK = 1 << 16
_MIB = 1 << 20
_PARTIAL = 206  # RFC 9110, 15.3.7: the answer to a request for a range
_NO_SUCH_RANGE = 416
_LENGTHS = {32: "md5", 64: "sha256"}


def download(
    address: str, target: Path, *, digest: str, tick: Tick | None = None, timeout_s: float = TIMEOUT_S
) -> None:
    """Fetch `address` to `target`; `digest` is its md5 or sha256, hexadecimal. `tick` counts MiB.

    What arrived before a break stays in TARGET.part and is not asked for again. Raises DataError when the
    address does not answer, breaks off, or gives other bytes than those of the digest.
    """
    if target.is_file() and file_digest(target, like=digest) == digest:
        return
    part = target.with_name(f"{target.name}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    _receive(address, part, tick=tick, timeout_s=timeout_s)
    found = file_digest(part, like=digest)
    if found != digest:
        part.unlink()
        kind = _LENGTHS[len(digest)]
        raise DataError(
            f"{address}: expected {kind} {digest}, found {found}; it was removed, try again or use --from"
        )
    part.replace(target)


def file_digest(path: Path, *, like: str) -> str:
    """Digest of a file, of the same kind as `like`: md5 for 32 digits, sha256 for 64."""
    digest = hashlib.new(_LENGTHS[len(like)], usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_MIB):
            digest.update(block)
    return digest.hexdigest()


def _receive(address: str, part: Path, *, tick: Tick | None, timeout_s: float) -> None:
    """Append to `part` what is missing of it; the whole file when the server gives no ranges (RFC 9110, 14.2)."""
    start = part.stat().st_size if part.is_file() else 0
    answer = _ask(address, start, timeout_s=timeout_s)
    if answer is None:
        return
    with answer:
        if answer.status != _PARTIAL:
            start = 0
        length = answer.headers.get("Content-Length")
        total = start + int(length) if length and length.isdigit() else 0
        done = start
        try:
            with part.open("ab" if start else "wb") as file:
                for block in _blocks(answer):
                    file.write(block)
                    done += len(block)
                    if tick:
                        tick(done // _MIB, max(done, total) // _MIB)
        except HTTPException as error:
            raise _cut_off(address, part, total=total, reason=str(error)) from error
    if done < total:
        raise _cut_off(address, part, total=total, reason="the connection ended")


def _ask(address: str, start: int, *, timeout_s: float) -> HTTPResponse | None:
    """The open answer; None when the server has nothing after `start`: the file may be whole."""
    headers = {"User-Agent": f"edgecls/{__version__}"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        answer: HTTPResponse = urlopen(Request(address, headers=headers), timeout=timeout_s)
    except HTTPError as error:
        if start and error.code == _NO_SUCH_RANGE:
            return None
        raise DataError(f"{address}: answered {error.code} {error.reason}") from error
    except URLError as error:
        raise DataError(f"{address}: cannot be reached ({_reason(error.reason)})") from error
    except (OSError, HTTPException) as error:
        raise DataError(f"{address}: cannot be reached ({_reason(error)})") from error
    return answer


def _blocks(answer: HTTPResponse) -> Iterator[bytes]:
    """The pieces of an answer. A fault of the network becomes HTTPException: OSError is left to the disk."""
    try:
        while block := answer.read(_BLOCK):
            yield block
    except OSError as error:
        raise HTTPException(_reason(error)) from error


def _cut_off(address: str, part: Path, *, total: int, reason: str) -> DataError:
    there = part.stat().st_size / _MIB
    of = f" of {total / _MIB:.1f}" if total else ""
    return DataError(
        f"{address}: cut off after {there:.1f}{of} MiB ({reason}); {part} stays, the same command goes on from there"
    )


def _reason(error: object) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__)
