"""On an emulated aarch64 board with a V4L2 camera: the wheel installs, proves its answers, and outlives the camera."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.device, pytest.mark.xdist_group("board")]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def of_type(type: str, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in found if line["type"] == type]


def test_the_doctor_finds_camera_and_engines(on_board: Any, repo: Path) -> None:
    done = on_board("edgecls doctor --json > doctor.json")
    assert done.returncode == 0, done.stdout
    text = (repo / "doctor.json").read_text(encoding="utf-8")
    assert "/dev/video0" in text
    assert "litert" in text


def test_every_variant_gives_the_golden_answers(on_board: Any, repo: Path) -> None:
    done = on_board("edgecls verify tiny --json > verify.json")
    assert done.returncode == 0, done.stdout
    found = json.loads((repo / "verify.json").read_text(encoding="utf-8"))
    assert {variant["outcome"] for variant in found["variants"]} == {"passed"}


def test_frames_of_the_camera_are_labelled_and_dated_by_the_driver(on_board: Any, repo: Path) -> None:
    done = on_board("edgecls run tiny --camera 0 --size 640x360 --max-frames 30 --jsonl frames.jsonl")
    assert done.returncode == 0, done.stdout
    results = of_type("result", lines(repo / "frames.jsonl"))
    assert len(results) == 30
    assert {result["label"] for result in results} <= {"red", "green", "blue"}
    captured = [result["captured_ns"] for result in results]
    assert captured == sorted(set(captured))


def test_an_absent_camera_is_one_sentence(on_board: Any) -> None:
    done = on_board("edgecls run tiny --camera 7 --engine litert; test $? = 1")
    assert done.returncode == 0
    assert (
        "camera /dev/video7: expected a video device, found none there (present: /dev/video0)" in done.stdout
    )


def test_a_camera_that_is_unplugged_is_told_and_found_again(on_board: Any, repo: Path) -> None:
    unplug = "v4l2-ctl -d /dev/video0 -c disconnect=1"
    done = on_board(
        "edgecls run tiny --camera 0 --engine litert --jsonl unplugged.jsonl & run=$!; "
        f"until grep -q '\"result\"' unplugged.jsonl; do sleep 1; done; sleep 3; {unplug}; "
        "until grep -q recovered unplugged.jsonl; do sleep 1; done; sleep 3; kill $run; wait $run"
    )
    assert done.returncode == 0, done.stdout
    found = lines(repo / "unplugged.jsonl")
    (error,) = of_type("error", found)
    (back,) = of_type("recovered", found)
    assert "stopped giving frames" in error["message"]
    print(f"V4L2: unplugged and plugged in again, frames again after {back['recovered_s']} s")
    after = of_type("result", found[found.index(back) :])
    assert after
    assert found[-1]["type"] == "summary"


def test_a_camera_that_cannot_stream_is_told_and_tried_again(on_board: Any, repo: Path) -> None:
    done = on_board(
        "edgecls run tiny --camera 0 --engine litert --jsonl fails.jsonl & run=$!; "
        "until grep -q '\"result\"' fails.jsonl; do sleep 1; done; "
        "v4l2-ctl -d /dev/video0 -c inject_vidioc_streamon_error=1 -c disconnect=1; "
        "until grep -q recovered fails.jsonl; do sleep 1; done; sleep 2; kill $run; wait $run"
    )
    assert done.returncode == 0, done.stdout
    assert of_type("error", lines(repo / "fails.jsonl"))


def test_two_runs_on_one_camera_leave_the_first_alone(on_board: Any, repo: Path) -> None:
    done = on_board(
        "edgecls run tiny --camera 0 --engine litert --jsonl first.jsonl & run=$!; "
        "until grep -q '\"result\"' first.jsonl; do sleep 1; done; "
        "edgecls run tiny --camera 0 --engine litert --max-frames 5 > second 2>&1; echo $? > status; "
        "sleep 3; kill $run; wait $run"
    )
    assert done.returncode == 0, done.stdout
    assert (repo / "status").read_text().strip() == "1", (repo / "second").read_text()
    assert "close other programs that use it" in (repo / "second").read_text()
    found = lines(repo / "first.jsonl")
    assert of_type("error", found) == []
    assert found[-1]["type"] == "summary"
