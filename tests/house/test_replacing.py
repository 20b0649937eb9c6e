"""What is replaced is what was meant: the right kind of folder, nobody else's, and back when the new one fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgecls.errors import UsageError
from edgecls.files import aside, made_anew, new_folder, put_back


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def old_bundle(tmp_path: Path) -> Path:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "old").write_text("1")
    return tmp_path / "bundle"


def test_force_replaces_only_a_folder_with_the_document(tmp_path: Path) -> None:
    target = old_bundle(tmp_path)
    with (
        pytest.raises(UsageError, match=r"expected a folder with manifest.json to replace, found another"),
        new_folder(target, force=True, document="manifest.json"),
    ):
        pass
    assert (entries(target), entries(tmp_path)) == (["old"], ["bundle"])
    (target / "manifest.json").write_text("{}")
    with new_folder(target, force=True, document="manifest.json") as folder:
        (folder / "new").write_text("1")
    assert entries(target) == ["new"]


def test_a_folder_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    def write_beside_another() -> None:
        with new_folder(tmp_path / "bundle") as folder:
            (folder / "mine").write_text("1")
            old_bundle(tmp_path)

    with pytest.raises(UsageError, match="bundle was made by another command meanwhile"):
        write_beside_another()
    assert (entries(tmp_path / "bundle"), entries(tmp_path)) == (["old"], ["bundle"])


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_was_set_aside_comes_back_when_the_new_one_fails(
    tmp_path: Path, error: type[BaseException]
) -> None:
    target = old_bundle(tmp_path)

    def fail() -> None:
        with made_anew(target, force=True):
            (target / "half").write_text("1")
            raise error

    with pytest.raises(error):
        fail()
    assert (entries(target), entries(tmp_path)) == (["old"], ["bundle"])


def test_what_was_set_aside_is_deleted_when_the_new_one_is_whole(tmp_path: Path) -> None:
    target = old_bundle(tmp_path)
    with made_anew(target, force=True):
        assert entries(target) == []
        (target / "new").write_text("1")
    assert (entries(target), entries(tmp_path)) == (["new"], ["bundle"])


def test_what_another_made_meanwhile_is_neither_replaced_nor_deleted(tmp_path: Path) -> None:
    target = old_bundle(tmp_path)
    words = "bundle was made by another command meanwhile"
    with pytest.raises(UsageError, match=words), made_anew(target, force=False):
        pass
    assert (entries(target), entries(tmp_path)) == (["old"], ["bundle"])


def test_what_a_killed_process_set_aside_outlives_its_unfinished_successor(tmp_path: Path) -> None:
    target = old_bundle(tmp_path)
    target.rename(aside(target))
    target.mkdir()
    (target / "half").write_text("1")

    def fail() -> None:
        with made_anew(target, force=True):
            assert entries(target) == []
            raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        fail()
    assert (entries(target), entries(tmp_path)) == (["old"], ["bundle"])


def test_what_was_set_aside_gets_its_name_back_where_nothing_stands(tmp_path: Path) -> None:
    target = old_bundle(tmp_path)
    target.rename(aside(target))
    target.mkdir()
    put_back(target)
    assert entries(target) == []
    target.rmdir()
    put_back(target)
    assert (entries(target), entries(tmp_path)) == (["old"], ["bundle"])
