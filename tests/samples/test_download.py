"""Downloading from a real server: whole, cut off and resumed, of another content, or not at all."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgecls.errors import DataError
from edgecls.samples.download import download

if TYPE_CHECKING:
    from tests.samples.conftest import Web

BODY = bytes(range(256)) * 2000  # 512,000 bytes
MD5 = hashlib.md5(BODY).hexdigest()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "downloads" / "file.tar.gz"


def part_of(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


@pytest.mark.parametrize("digest", [MD5, hashlib.sha256(BODY).hexdigest()], ids=["md5", "sha256"])
def test_a_file_arrives_whole_and_its_part_is_gone(web: Web, target: Path, digest: str) -> None:
    web.files["file"] = BODY
    ticks: list[tuple[int, int]] = []
    download(web.address + "file", target, digest=digest, tick=lambda *at: ticks.append(at))
    assert target.read_bytes() == BODY
    assert list(target.parent.iterdir()) == [target]
    assert ticks


def test_a_file_that_is_there_is_not_asked_for(web: Web, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(BODY)
    download(web.address + "file", target, digest=MD5)
    assert web.asked == []


def test_what_was_cut_off_stays_and_only_the_rest_is_asked_for(web: Web, target: Path) -> None:
    web.files["file"], web.cut_after = BODY, 100_000
    with pytest.raises(
        DataError, match=r"cut off after 0.1 of 0.5 MiB .*file.tar.gz.part stays, the same command"
    ):
        download(web.address + "file", target, digest=MD5)
    assert part_of(target).read_bytes() == BODY[:100_000]
    assert not target.exists()
    web.cut_after = None
    download(web.address + "file", target, digest=MD5)
    assert web.asked == [("file", None), ("file", "bytes=100000-")]
    assert target.read_bytes() == BODY


def test_a_server_without_ranges_sends_all_again(web: Web, target: Path) -> None:
    web.files["file"], web.ranges = BODY, False
    target.parent.mkdir()
    part_of(target).write_bytes(BODY[:1000])
    download(web.address + "file", target, digest=MD5)
    assert target.read_bytes() == BODY


def test_a_part_that_is_whole_already_is_taken(web: Web, target: Path) -> None:
    web.files["file"] = BODY
    target.parent.mkdir()
    part_of(target).write_bytes(BODY)
    download(web.address + "file", target, digest=MD5)
    assert target.read_bytes() == BODY


def test_other_bytes_are_removed_and_both_digests_named(web: Web, target: Path) -> None:
    web.files["file"] = b"something else"
    found = hashlib.md5(b"something else").hexdigest()
    with pytest.raises(DataError, match=f"expected md5 {MD5}, found {found}; it was removed"):
        download(web.address + "file", target, digest=MD5)
    assert list(target.parent.iterdir()) == []


def test_a_part_of_another_file_is_removed_by_its_digest(web: Web, target: Path) -> None:
    web.files["file"] = BODY
    target.parent.mkdir()
    part_of(target).write_bytes(b"x" * 1000)
    with pytest.raises(DataError, match="expected md5"):
        download(web.address + "file", target, digest=MD5)
    download(web.address + "file", target, digest=MD5)
    assert target.read_bytes() == BODY


def test_a_missing_file_is_one_sentence(web: Web, target: Path) -> None:
    with pytest.raises(DataError, match="/nothing: answered 404"):
        download(web.address + "nothing", target, digest=MD5)
    assert not part_of(target).exists()


def test_a_server_that_falls_silent_is_given_up(web: Web, target: Path) -> None:
    web.files["file"], web.silent = BODY, True
    with pytest.raises(DataError, match=r"cut off after 0.0 of 0.5 MiB \(timed out\)"):
        download(web.address + "file", target, digest=MD5, timeout_s=0.2)


def test_no_server_at_all_is_one_sentence(target: Path) -> None:
    with socket.socket() as reserved:  # bound but not listening: refused, and nobody else can take it
        reserved.bind(("127.0.0.1", 0))
        with pytest.raises(DataError, match=r"cannot be reached \(Connection refused\)"):
            download(f"http://127.0.0.1:{reserved.getsockname()[1]}/file", target, digest=MD5)
