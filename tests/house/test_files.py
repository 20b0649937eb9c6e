"""Files are whole or absent: whatever stops a write, nothing half-written takes a whole thing's name."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgecls.errors import EdgeclsError, ModelError, UsageError
from edgecls.files import (
    digest_json,
    new_folder,
    read_json,
    sha256_bytes,
    sha256_file,
    utc_now,
    write_bytes,
    write_json,
)


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_digest_is_sha256_whatever_the_size_of_the_file(tmp_path: Path) -> None:
    # FIPS 180-4's example of one block, and one million times "a".
    (tmp_path / "abc").write_bytes(b"abc")
    (tmp_path / "a").write_bytes(b"a" * 10**6)
    assert sha256_file(tmp_path / "abc") == sha256_bytes(b"abc")
    assert sha256_bytes(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_file(tmp_path / "a") == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"


def test_the_digest_of_json_depends_on_values_and_not_on_the_order_of_keys() -> None:
    assert digest_json({"a": 1, "b": [2, 3]}) == digest_json({"b": [2, 3], "a": 1})
    assert digest_json({"a": 1, "b": [2, 3]}) != digest_json({"a": 1, "b": [3, 2]})


def test_times_sort_as_text() -> None:
    assert utc_now() < utc_now()
    assert utc_now().endswith("+00:00")


def test_json_is_written_and_read_with_any_letters(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"name": "Äpfel 写真"})
    assert read_json(tmp_path / "a.json") == {"name": "Äpfel 写真"}
    assert entries(tmp_path) == ["a.json"]


@pytest.mark.parametrize(("data", "words"), [(b"{", "expected JSON"), (b"\xff\xfe", "expected JSON")])
def test_what_is_no_json_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(ModelError, match=words):
        read_json(tmp_path / "a.json")


def test_a_missing_json_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"a\.json: cannot be read \(No such file or directory\)"):
        read_json(tmp_path / "a.json")


def test_a_file_that_cannot_be_written_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(EdgeclsError, match="taken: cannot be written"):
        write_bytes(tmp_path / "taken", b"x")
    assert entries(tmp_path) == ["taken"]


def test_a_folder_takes_its_name_when_it_is_whole(tmp_path: Path) -> None:
    with new_folder(tmp_path / "deep" / "bundle") as folder:
        (folder / "a").write_text("1")
        assert not (tmp_path / "deep" / "bundle").exists()
    assert entries(tmp_path / "deep") == ["bundle"]
    assert entries(tmp_path / "deep" / "bundle") == ["a"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, ModelError])
def test_an_error_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    def write_half() -> None:
        with new_folder(tmp_path / "bundle") as folder:
            (folder / "a").write_text("1")
            raise error("x")

    with pytest.raises(error):
        write_half()
    assert entries(tmp_path) == []


def old_bundle(tmp_path: Path) -> Path:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "old").write_text("1")
    return tmp_path / "bundle"


def test_an_existing_folder_is_not_overwritten(tmp_path: Path) -> None:
    target = old_bundle(tmp_path)
    with (
        pytest.raises(UsageError, match="exists already; choose another --name or add --force"),
        new_folder(target),
    ):
        pass
    assert entries(target) == ["old"]


def test_force_replaces_the_whole_folder(tmp_path: Path) -> None:
    target = old_bundle(tmp_path)
    with new_folder(target, force=True) as folder:
        (folder / "new").write_text("1")
    assert entries(target) == ["new"]
    assert entries(tmp_path) == ["bundle"]


def test_an_error_under_force_keeps_the_old_folder(tmp_path: Path) -> None:
    target = old_bundle(tmp_path)
    with pytest.raises(ValueError, match="x"), new_folder(target, force=True):
        raise ValueError("x")
    assert entries(target) == ["old"]
    assert entries(tmp_path) == ["bundle"]


def test_a_place_that_cannot_hold_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("1")
    with (
        pytest.raises(EdgeclsError, match="bundle: cannot be written"),
        new_folder(tmp_path / "file" / "bundle"),
    ):
        pass


KILLED = """
import os, signal, sys
from pathlib import Path
from edgecls.files import new_folder
with new_folder(Path(sys.argv[1]), force=True) as folder:
    (folder / "half").write_text("1")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def kill_while_writing(target: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(target)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL


def test_a_killed_process_leaves_no_half_folder_under_the_name(tmp_path: Path) -> None:
    kill_while_writing(tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()
    assert len(entries(tmp_path)) == 1


def test_a_process_killed_under_force_leaves_the_old_folder(tmp_path: Path) -> None:
    target = old_bundle(tmp_path)
    kill_while_writing(target)
    assert entries(target) == ["old"]


def test_the_next_write_removes_what_a_killed_process_left(tmp_path: Path) -> None:
    kill_while_writing(tmp_path / "bundle")
    with new_folder(tmp_path / "other"):
        pass
    assert entries(tmp_path) == ["other"]


def test_what_a_living_process_writes_is_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / f".bundle.{os.getppid()}.partial"
    theirs.mkdir()
    with new_folder(tmp_path / "other"):
        pass
    assert entries(tmp_path) == [theirs.name, "other"]


def test_a_leftover_of_the_same_process_number_is_no_obstacle(tmp_path: Path) -> None:
    # In a container every start may get the same number.
    leftover = tmp_path / f".bundle.{os.getpid()}.partial"
    leftover.mkdir()
    (leftover / "half").write_text("1")
    with new_folder(tmp_path / "bundle") as folder:
        (folder / "a").write_text("1")
    assert entries(tmp_path) == ["bundle"]
    assert entries(tmp_path / "bundle") == ["a"]


@pytest.fixture
def small_disk(mount_disk: Callable[[int], Path]) -> Path:
    """A file system of 64 kB."""
    return mount_disk(64)


def test_a_full_disk_is_named_and_the_old_file_stays(small_disk: Path) -> None:
    write_bytes(small_disk / "a", b"old")
    with pytest.raises(EdgeclsError, match=r"No space left on device.*free space"):
        write_bytes(small_disk / "a", bytes(10**6))
    assert (small_disk / "a").read_bytes() == b"old"
    assert entries(small_disk) == ["a"]


def test_a_full_disk_leaves_no_folder(small_disk: Path) -> None:
    def write_too_much() -> None:
        with new_folder(small_disk / "bundle") as folder:
            (folder / "a").write_bytes(b"1")
            (folder / "b").write_bytes(bytes(10**6))

    with pytest.raises(EdgeclsError, match="No space left on device"):
        write_too_much()
    assert entries(small_disk) == []


def test_json_of_a_full_disk_is_still_the_old_one(small_disk: Path) -> None:
    write_json(small_disk / "a.json", {"x": 1})
    with pytest.raises(EdgeclsError):
        write_json(small_disk / "a.json", {"x": "y" * 10**6})
    assert json.loads((small_disk / "a.json").read_text()) == {"x": 1}
