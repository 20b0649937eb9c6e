"""Names of runs and bundles: what may be a name, which is next, which is newest, which one a user means."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from edgecls.errors import ModelError, UsageError
from edgecls.names import check_name, newest, next_name, resolve, slug


def entry(folder: Path, name: str, **record: object) -> Path:
    """A run or bundle with this document."""
    (folder / name).mkdir(parents=True)
    (folder / name / "run.json").write_text(json.dumps(record))
    return folder / name


@pytest.mark.parametrize("name", ["enet-groceries-001", "a", "A.b_c-9"])
def test_a_plain_name_is_taken(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", ".a", "-a", "a/b", "../a", "a b", "a\n", "ä"])
def test_a_name_that_could_leave_its_folder_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="choose another"):
        check_name(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Groceries 2024!", "groceries_2024"), ("a-b", "a_b"), ("写真", "data"), ("..", "data")],
)
def test_a_slug_is_a_part_of_a_good_name(text: str, expected: str) -> None:
    assert slug(text) == expected
    assert check_name(slug(text))


def test_the_first_name_is_001(tmp_path: Path) -> None:
    assert next_name(tmp_path / "runs", "enet-a") == "enet-a-001"


def test_the_next_name_follows_the_highest_of_its_own_stem(tmp_path: Path) -> None:
    for name in ("enet-a-001", "enet-a-007", "enet-ab-050", "enet-a-x", "enet-a-0999x"):
        (tmp_path / name).mkdir()
    assert next_name(tmp_path, "enet-a") == "enet-a-008"


def test_the_thousandth_name_has_four_digits(tmp_path: Path) -> None:
    (tmp_path / "a-999").mkdir()
    assert next_name(tmp_path, "a") == "a-1000"
    (tmp_path / "a-1000").mkdir()
    assert next_name(tmp_path, "a") == "a-1001"


def test_the_newest_is_told_by_its_document_and_not_by_file_time(tmp_path: Path) -> None:
    new = entry(tmp_path, "a-001", created="2026-02-01T00:00:00.000000+00:00")
    old = entry(tmp_path, "a-002", created="2026-01-01T00:00:00.000000+00:00")
    os.utime(new / "run.json", (0, 0))
    os.utime(new, (0, 0))
    assert newest(tmp_path, "run.json") == new
    assert old.exists()


def test_a_run_that_is_not_complete_is_passed_over(tmp_path: Path) -> None:
    done = entry(tmp_path, "a-001", created="2026-01-01", status="complete")
    entry(tmp_path, "a-002", created="2026-01-02", status="running")
    assert newest(tmp_path, "run.json") == done


@pytest.mark.parametrize("document", ["[]", "5", '"x"', "{}", "{", "null", '{"created": ""}'])
def test_an_unreadable_document_is_passed_over(tmp_path: Path, document: str) -> None:
    done = entry(tmp_path, "a-001", created="2026-01-01")
    (tmp_path / "a-002").mkdir()
    (tmp_path / "a-002" / "run.json").write_text(document)
    assert newest(tmp_path, "run.json") == done


def test_a_folder_still_being_written_is_passed_over(tmp_path: Path) -> None:
    entry(tmp_path, ".a-001.77.partial", created="2026-01-01")
    assert newest(tmp_path, "run.json") is None


def find(given: str | None, folder: Path) -> Path:
    return resolve(given, folder=folder, document="run.json", what="run", make="edgecls train")


def test_without_a_name_the_newest_is_meant(tmp_path: Path) -> None:
    made = entry(tmp_path, "a-001", created="2026-01-01")
    assert find(None, tmp_path) == made


def test_a_path_and_a_name_are_both_understood(tmp_path: Path) -> None:
    made = entry(tmp_path, "a-001", created="2026-01-01")
    assert find("a-001", tmp_path) == made
    assert find(str(made), tmp_path / "elsewhere") == made


def test_none_at_all_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no complete run under .*; make one with: edgecls train"):
        find(None, tmp_path / "runs")


def test_a_name_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected a run .* found none at a-009"):
        find("a-009", tmp_path)
