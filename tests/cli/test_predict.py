"""`edgecls predict`: good photos are answered, bad ones are listed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_photos_and_folders_are_answered_in_a_table(edgecls: Run) -> None:
    done = edgecls("predict", "photos/a/1.png", "photos/b")
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if ".png" in line]
    assert len(rows) == 3
    for row, (path, label) in zip(rows, [("a/1", "red"), ("b/2", "green"), ("b/ä 10", "blue")], strict=True):
        photo, found = [cell.strip() for cell in row.split("│")[1:3]]
        assert (photo, found) == (f"photos/{path}.png", label)
    assert "using bundles/tiny (tflite int8)" in done.stderr


def test_json_is_one_document(edgecls: Run) -> None:
    done = edgecls("predict", "photos", "--json", "--top", "2")
    document = json.loads(done.stdout)
    assert (document["schema"], document["bundle"], document["model"]) == (1, "tiny", "model.int8.tflite")
    assert [photo["label"] for photo in document["photos"]] == ["red", "green", "blue"]
    assert {len(photo["top"]) for photo in document["photos"]} == {2}


def test_a_bad_photo_is_listed_the_good_ones_answered_and_the_exit_code_is_1(
    edgecls: Run, workplace: Path
) -> None:
    (workplace / "bad.jpg").write_bytes(b"")
    done = edgecls("predict", "bad.jpg", "missing.jpg", "photos/b/2.png", "--json")
    assert done.returncode == 1
    photos = json.loads(done.stdout)["photos"]
    assert [("error" in photo) for photo in photos] == [True, True, False]
    assert photos[2]["label"] == "green"
    sentences = [line for line in done.stderr.splitlines() if line.startswith("edgecls: ")]
    assert len(sentences) == 2
    assert "empty" in sentences[0]
    assert "found nothing there" in sentences[1]
