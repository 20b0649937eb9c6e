"""Unpacking a tar or zip archive of unknown origin: nothing leaves the folder, fills the disk or is no plain file."""

from __future__ import annotations

import lzma
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from edgecls.errors import DataError
from edgecls.files import FULL_BYTES
from edgecls.progress import Tick

_BLOCK = 1 << 20
_FILE_BYTES = 4096  # what even an empty file takes, so that a million of them count
_MIB = 1 << 20
_DAMAGE = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, NotImplementedError,
)  # fmt: skip

Wanted = Callable[[str], bool]


class _Room:
    """How much an archive may still write: what the disk had free when it was opened."""

    def __init__(self, archive: Path, folder: Path) -> None:
        self.archive = archive
        self.left = shutil.disk_usage(folder).free - FULL_BYTES

    def take(self, name: str, size: int) -> None:
        self.left -= max(size, _FILE_BYTES)
        if self.left < 0:
            raise DataError(
                f"{self.archive}: {name}: expected the archive to fit on the disk, found it too large; free space"
            )


def unpack(archive: Path, folder: Path, *, wanted: Wanted, tick: Tick | None = None) -> None:
    """Write the members whose names are `wanted` below `folder`; `tick` counts MiB of the archive.

    Links, devices and names that lead out of the folder are refused, wanted or not (compare
    https://peps.python.org/pep-0706/). Raises DataError, naming the member, also for a damaged archive, and
    OSError when a file cannot be written.
    """
    room = _Room(archive, folder)
    try:
        with _reading(archive):
            opened = archive.open("rb")
        with opened as raw:
            size = archive.stat().st_size

            def report() -> None:
                if tick:
                    tick(min(raw.tell(), size) // _MIB, size // _MIB)

            if tarfile.is_tarfile(archive):
                _unpack_tar(raw, folder, room=room, wanted=wanted, report=report)
            elif zipfile.is_zipfile(raw):
                _unpack_zip(raw, folder, room=room, wanted=wanted, report=report)
            else:
                raise DataError(
                    f"{archive}: expected a whole tar or zip archive, found something else; fetch it again"
                )
    except _DAMAGE as error:
        raise DataError(f"{archive}: damaged or cut off ({error}); fetch it again") from error


@contextmanager
def _reading(archive: Path) -> Iterator[None]:
    """Faults of reading: left as OSError they would pass for those of the disk that is written to."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # bz2 and gzip say so that the data are damaged
            raise DataError(f"{archive}: damaged or cut off ({error}); fetch it again") from error
        raise DataError(
            f"{archive}: cannot be read ({error.strerror}); fetch it again, or check its permissions and its disk"
        ) from error


def _unpack_tar(
    raw: IO[bytes], folder: Path, *, room: _Room, wanted: Wanted, report: Callable[[], None]
) -> None:
    with _open_tar(raw, room.archive) as tar:
        while member := _next(tar, room.archive):
            if member.isdir():
                _place(member.name, room.archive)
                continue
            if not member.isreg():
                kind = "a link" if member.issym() or member.islnk() else "a device"
                raise _refused(room.archive, member.name, f"{kind}")
            path = folder / _place(member.name, room.archive)
            if wanted(path.name):
                source = tar.extractfile(member)
                assert source is not None  # it is a plain file
                _write(source, path, size=member.size, room=room)
                report()
            # tarfile keeps every header it has read: of 100,000 photos that is 100 MB.
            tar.members.clear()  # type: ignore[attr-defined]


def _open_tar(raw: IO[bytes], archive: Path) -> tarfile.TarFile:
    with _reading(archive):
        return tarfile.open(fileobj=raw)


def _next(tar: tarfile.TarFile, archive: Path) -> tarfile.TarInfo | None:
    with _reading(archive):
        member = tar.next()
        if member is None:
            _check_end(tar, archive)
        return member


def _check_end(tar: tarfile.TarFile, archive: Path) -> None:
    """tarfile takes a damaged header for the end, and bz2 and gzip compare their checksums at the end alone."""
    assert tar.fileobj is not None  # it is open
    tar.fileobj.seek(tar.offset)
    if tar.fileobj.read(tarfile.BLOCKSIZE).strip(b"\0"):
        raise DataError(f"{archive}: damaged or cut off (a header is none); fetch it again")
    while tar.fileobj.read(_BLOCK):
        pass


def _unpack_zip(
    raw: IO[bytes], folder: Path, *, room: _Room, wanted: Wanted, report: Callable[[], None]
) -> None:
    with _open_zip(raw, room.archive) as packed:
        for member in packed.infolist():
            place = _place(member.filename, room.archive)
            mode = stat.S_IFMT(member.external_attr >> 16)  # 0 where the archive was made without Unix modes
            if mode not in (0, stat.S_IFREG, stat.S_IFDIR):
                kind = "a link" if mode == stat.S_IFLNK else "a device"
                raise _refused(room.archive, member.filename, kind)
            if member.is_dir() or not wanted(place.name):
                continue
            if member.flag_bits & 1:
                raise DataError(
                    f"{room.archive}: {member.filename}: expected a member without password, found one; unlock it"
                )
            with _reading(room.archive):
                source = packed.open(member)
            with source:
                _write(source, folder / place, size=member.file_size, room=room)
            report()


def _open_zip(raw: IO[bytes], archive: Path) -> zipfile.ZipFile:
    with _reading(archive):
        return zipfile.ZipFile(raw)


def _place(name: str, archive: Path) -> Path:
    """The path of a member below the folder, or DataError when it would lie anywhere else."""
    parts = re.split(r"[/\\]", name)
    if not parts[0] or ".." in parts or re.match(r"[A-Za-z]:", name):
        raise _refused(archive, name, "a path out of the folder")
    return Path(*parts)


def _refused(archive: Path, name: str, what: str) -> DataError:
    shown = name.encode("utf-8", "backslashreplace").decode()
    return DataError(
        f"{archive}: {shown}: expected plain files below the archive's folder, found {what}; "
        "nothing was kept, get the archive from its home"
    )


def _write(source: IO[bytes], path: Path, *, size: int, room: _Room) -> None:
    """Copy exactly `size` bytes: a member that holds more or less than it declares is damaged."""
    room.take(path.name, size)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        target = path.open("wb")
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise DataError(f"{room.archive}: {path.name}: found a file and a folder of that name") from error
    with target:
        left = size
        while block := _block(source, min(_BLOCK, left) or 1, archive=room.archive):
            left -= len(block)
            if left < 0:
                break
            target.write(block)
    if left:
        raise DataError(
            f"{room.archive}: {path.name}: expected {size} bytes, found others; fetch the archive again"
        )


def _block(source: IO[bytes], size: int, *, archive: Path) -> bytes:
    with _reading(archive):
        return source.read(size)
