"""Unpacking archives of unknown origin: what would leave the folder or fill the disk is refused by name."""

from __future__ import annotations

import io
import shutil
import stat
import struct
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from edgecls.errors import DataError
from edgecls.samples.unpack import unpack

if TYPE_CHECKING:
    from tests.samples.conftest import Made

FILES = {"set/a/1.jpg": b"one" * 50_000, "set/b/2.jpg": b"", "set/notes.md": b"no photo"}
UNSAFE = [
    "/etc/passwd.jpg",
    "../out.jpg",
    "set/../../out.jpg",
    "C:\\out.jpg",
    "set\\..\\..\\out.jpg",
    "\\out.jpg",
]


def everything(_: str) -> bool:
    return True


def zip_bytes(files: dict[str, bytes], modes: dict[str, int] | None = None) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = (modes or {}).get(name, stat.S_IFREG | 0o644) << 16
            archive.writestr(member, data)
    return packed.getvalue()


def packed(mode: str, files: dict[str, bytes], made: type[Made]) -> bytes:
    """A zip for "zip", else a tar in one of tarfile's modes."""
    return (
        zip_bytes(files) if mode == "zip" else made.tar_bytes(files, mode="w:gz" if mode == "tar" else mode)
    )


def odd_tar(kind: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        member = tarfile.TarInfo("set/odd.jpg")
        member.type, member.linkname = kind, "../../outside"
        tar.addfile(member)
    return packed.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inner = tmp_path / "inner" / "folder"
    inner.mkdir(parents=True)
    return inner


def archive_of(data: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "archive"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz", "zip"])
def test_wanted_members_are_written_byte_by_byte(
    tmp_path: Path, folder: Path, made: type[Made], mode: str
) -> None:
    unpack(archive_of(packed(mode, FILES, made), tmp_path), folder, wanted=lambda name: name.endswith(".jpg"))
    assert made.contents(folder) == {name: data for name, data in FILES.items() if name.endswith(".jpg")}


@pytest.mark.parametrize("kind", ["tar", "zip"])
@pytest.mark.parametrize("name", UNSAFE)
def test_a_member_that_would_leave_the_folder_is_refused_by_name(
    tmp_path: Path, folder: Path, made: type[Made], kind: str, name: str
) -> None:
    archive = archive_of(packed(kind, {name: b"x"}, made), tmp_path)
    with pytest.raises(DataError) as caught:
        unpack(archive, folder, wanted=everything)
    assert f"{name}: expected plain files below" in str(caught.value)
    assert set(made.contents(tmp_path)) == {"archive"}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (tarfile.SYMTYPE, "found a link"),
        (tarfile.LNKTYPE, "found a link"),
        (tarfile.CHRTYPE, "found a device"),
        (tarfile.FIFOTYPE, "found a device"),
    ],
)
def test_links_and_devices_of_a_tar_are_refused_even_unwanted(
    tmp_path: Path, folder: Path, kind: bytes, words: str
) -> None:
    with pytest.raises(DataError, match=rf"set/odd.jpg: .*{words}"):
        unpack(archive_of(odd_tar(kind), tmp_path), folder, wanted=lambda _: False)


def test_a_link_of_a_zip_is_refused(tmp_path: Path, folder: Path) -> None:
    data = zip_bytes({"set/odd.jpg": b"/etc/passwd"}, {"set/odd.jpg": stat.S_IFLNK | 0o777})
    with pytest.raises(DataError, match=r"set/odd.jpg: .*found a link"):
        unpack(archive_of(data, tmp_path), folder, wanted=everything)


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_more_than_the_disk_holds_is_refused_before_it_is_written(
    tmp_path: Path, folder: Path, made: type[Made], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = archive_of(packed(kind, {"small": b"x", "bomb": bytes(3 << 20)}, made), tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=3 << 20))
    with pytest.raises(DataError, match=r"bomb: expected the archive to fit on the disk"):
        unpack(archive, folder, wanted=everything)
    assert set(made.contents(folder)) == {"small"}


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "zip"])
def test_an_archive_cut_off_is_one_sentence(
    tmp_path: Path, folder: Path, made: type[Made], mode: str, share: float
) -> None:
    import random

    files = {f"{i}.bin": random.Random(i).randbytes(40_000) for i in range(5)}
    whole = packed(mode, files, made)
    cut = archive_of(whole[: int(200_000 * share)], tmp_path)
    with pytest.raises(DataError, match=r"archive: (damaged or cut off|expected a whole tar or zip)"):
        unpack(cut, folder, wanted=everything)


@pytest.mark.parametrize("data", [b"", b"hello", b"\x1f\x8b" + bytes(100)], ids=["empty", "text", "torn"])
def test_what_is_no_archive_is_one_sentence(tmp_path: Path, folder: Path, data: bytes) -> None:
    with pytest.raises(DataError, match=r"expected a whole tar or zip archive|damaged or cut off"):
        unpack(archive_of(data, tmp_path), folder, wanted=everything)


def test_a_changed_byte_of_a_zip_is_found(tmp_path: Path, folder: Path) -> None:
    data = bytearray(zip_bytes({"a.bin": bytes(range(256)) * 40}))
    data[60] ^= 0xFF
    with pytest.raises(DataError, match="damaged or cut off"):
        unpack(archive_of(bytes(data), tmp_path), folder, wanted=everything)


def test_a_zip_whose_directory_leads_before_its_start_is_one_sentence(tmp_path: Path, folder: Path) -> None:
    data = bytearray(zip_bytes({"a.bin": bytes(300)}))
    offset = data.rindex(b"PK\x05\x06") + 16
    data[offset : offset + 4] = struct.pack("<I", struct.unpack_from("<I", data, offset)[0] + 1000)
    with pytest.raises(DataError, match=r"archive: cannot be read|damaged or cut off"):
        unpack(archive_of(bytes(data), tmp_path), folder, wanted=everything)


def test_a_file_that_is_also_a_folder_is_one_sentence(tmp_path: Path, folder: Path, made: type[Made]) -> None:
    archive = archive_of(made.tar_bytes({"a": b"x", "a/b": b"y"}), tmp_path)
    with pytest.raises(DataError, match="b: found a file and a folder of that name"):
        unpack(archive, folder, wanted=everything)


@pytest.mark.parametrize("share", [0.6, 0.75, 0.9, 0.98])
@pytest.mark.parametrize("mode", ["w:bz2", "w:gz"])
def test_a_changed_byte_is_a_fault_of_the_archive(
    tmp_path: Path, folder: Path, made: type[Made], mode: str, share: float
) -> None:
    import random

    files = {f"{i}.bin": random.Random(i).randbytes(400_000) for i in range(5)}
    data = bytearray(made.tar_bytes(files, mode=mode))
    data[int(len(data) * share)] ^= 0xFF
    with pytest.raises(DataError, match="archive: damaged or cut off"):
        unpack(archive_of(bytes(data), tmp_path), folder, wanted=everything)


def test_a_file_that_cannot_be_written_is_no_fault_of_the_archive(
    tmp_path: Path, folder: Path, made: type[Made]
) -> None:
    archive = archive_of(made.tar_bytes({"x" * 300: b"a name longer than a disk takes"}), tmp_path)
    with pytest.raises(OSError, match="too long"):
        unpack(archive, folder, wanted=everything)
