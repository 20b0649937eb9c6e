"""Locks: one process at a time works on a file or folder, and a lock dies with the process that holds it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from edgecls.errors import EdgeclsError


@contextmanager
def lock(path: Path, busy: str) -> Iterator[None]:
    """Hold the lock file `path` while the block runs, and remove it at the end.

    The lock is the kernel's (flock(2)), so a file that a killed process left keeps nobody out. Raises EdgeclsError
    with the sentence `busy` while another process holds it, and when the file cannot be made.
    """
    try:
        file = _hold(path, busy)
    except OSError as error:
        raise EdgeclsError(
            f"{path}: cannot be made or locked ({error.strerror}); check the folder's permissions or choose another"
        ) from error
    with file:
        try:
            yield
        finally:
            if _is_at(file, path):
                path.unlink()


def _hold(path: Path, busy: str) -> BinaryIO:
    while True:
        file = path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise EdgeclsError(busy) from error
        except OSError:
            file.close()
            raise
        if _is_at(file, path):
            return file
        file.close()  # who held it removed it between our two calls: it keeps nobody out any more


def _is_at(file: BinaryIO, path: Path) -> bool:
    """Whether the open file is the one that has this name now."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
