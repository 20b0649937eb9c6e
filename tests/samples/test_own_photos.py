"""Unpacking the groceries into a folder that a user has already filled keeps what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgecls import locks
from edgecls.errors import EdgeclsError
from edgecls.samples import groceries

FILES = {"train/apple/0000.jpg": b"an apple", "test/pear/0001.jpg": b"a pear"}


@pytest.fixture(autouse=True)
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the photos' package holds."""
    monkeypatch.setattr(groceries, "_files", lambda: dict(FILES))


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_unpacking_keeps_photos_of_the_users_own(tmp_path: Path) -> None:
    own = {"train/apple/mine.jpg": b"mine", "train/kiwi/1.jpg": b"a kiwi", "notes.txt": b"bought on Monday"}
    for name, data in own.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    assert groceries.unpack_groceries(tmp_path)
    assert contents(tmp_path) == own | FILES
    assert not groceries.unpack_groceries(tmp_path)
    (tmp_path / "test/pear/0001.jpg").unlink()
    assert groceries.unpack_groceries(tmp_path)
    assert contents(tmp_path) == own | FILES


def test_a_photo_that_the_user_changed_stays_as_it_is(tmp_path: Path) -> None:
    target = tmp_path / "groceries"
    groceries.unpack_groceries(target)
    (target / "train/apple/0000.jpg").write_bytes(b"a cropped apple")
    assert not groceries.unpack_groceries(target)
    assert (target / "train/apple/0000.jpg").read_bytes() == b"a cropped apple"


def test_whole_photos_need_no_lock_so_that_they_may_lie_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "groceries"
    groceries.unpack_groceries(target)
    monkeypatch.setattr(locks, "lock_file", lambda _: Path("/proc/read-only/.lock"))
    assert not groceries.unpack_groceries(target)
    (target / "test/pear/0001.jpg").unlink()
    with pytest.raises(EdgeclsError, match="choose another with --data"):
        groceries.unpack_groceries(target, option="--data")


def test_photos_that_another_process_unpacks_are_left_to_it(tmp_path: Path) -> None:
    target = tmp_path / "groceries"
    with (
        locks.own(target, command="edgecls", option="--to"),
        pytest.raises(EdgeclsError, match="groceries: another `edgecls` is at work there"),
    ):
        groceries.unpack_groceries(target)
    assert contents(tmp_path) == {}
