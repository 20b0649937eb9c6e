"""Locks: one process at a time works on a file or folder, and a lock dies with the process that holds it.

On a file system that knows no locks (some network mounts) the work goes on without: no lock is better than no work.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from edgecls.errors import EdgeclsError

_NO_LOCKS_HERE = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


@contextmanager
def own(target: Path, *, command: str, option: str) -> Iterator[None]:
    """Keep other processes from `target`, which need not be there, by a lock file beside it while the block runs.

    The lock is the kernel's (flock(2)), so a file that a killed process left keeps nobody out. Raises EdgeclsError
    while another `command` holds it, and when it cannot be made; `option` is the one with which a user chooses another
    place. A parent folder that was made for the lock alone does not stay.
    """
    path = lock_file(target)
    made = not path.parent.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = _hold(path)
    except BlockingIOError as error:
        raise EdgeclsError(
            f"{target}: another `{command}` is at work there; wait until it has ended, then repeat the command"
        ) from error
    except OSError as error:
        raise EdgeclsError(
            f"{path.parent}: expected a folder to write in, found none ({error.strerror}); "
            f"check its permissions or choose another with {option}"
        ) from error
    with file:
        try:
            yield
        finally:
            if _is_at(file, path):
                path.unlink()
            if made:
                _remove_empty(path.parent)


def lock_file(target: Path) -> Path:
    """Where the lock of `target` lies: hidden, so that nobody lists it."""
    named = (
        target.resolve() if target.name in ("", "..") else target
    )  # "." and ".." have no name of their own
    return named.with_name(f".{named.name}.lock")


def _hold(path: Path) -> BinaryIO:
    """The open file of the lock, held. Raises BlockingIOError while another process holds it."""
    while True:
        file = path.open("ab")
        try:
            _lock(file)
        except OSError:
            file.close()
            raise
        if _is_at(file, path):
            return file
        file.close()  # who held it removed it between our two calls: it keeps nobody out any more


def _lock(file: BinaryIO) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _NO_LOCKS_HERE:
            raise


def _is_at(file: BinaryIO, path: Path) -> bool:
    """Whether the open file is the one that has this name now."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):  # it is not empty: it was needed
        folder.rmdir()
