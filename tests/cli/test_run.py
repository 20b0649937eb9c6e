"""`edgecls run`: files and cameras to JSON lines, and every way a run can end."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Begin = Callable[..., subprocess.Popen[str]]


def records(text: str) -> list[dict[str, Any]]:
    """The JSON lines of stdout; any other line on it fails the test here."""
    return [json.loads(line) for line in text.splitlines()]


def of_type(type: str, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if line["type"] == type]


def test_a_folder_gives_a_result_for_every_photo_and_only_json_on_stdout(edgecls: Run) -> None:
    done = edgecls("run", "--camera", "photos", "--json")
    assert done.returncode == 0, done.stderr
    start, *results, summary = records(done.stdout)
    assert (start["type"], start["bundle"], start["precision"]) == ("start", "tiny", "int8")
    assert [(r["path"], r["label"]) for r in results] == [
        ("photos/a/1.png", "red"),
        ("photos/b/2.png", "green"),
        ("photos/b/ä 10.png", "blue"),
    ]
    assert (summary["type"], summary["frames"], summary["drops"]) == ("summary", 3, 0)
    assert set(summary["stages_ms"]) == {"capture", "preprocess", "invoke", "decide", "whole"}


def test_the_bundle_that_is_taken_is_named_on_stderr(edgecls: Run) -> None:
    done = edgecls("run", "--camera", "photos", "--precision", "float32")
    assert done.returncode == 0
    assert "using bundles/tiny (tflite float32)" in done.stderr
    assert "3 frames" in done.stderr
    assert "invoke" in done.stdout


def test_the_fastest_way_is_timed_once_and_can_be_overruled(edgecls: Run) -> None:
    first, second = (edgecls("run", "--camera", "photos") for _ in range(2))
    assert "timing" in first.stderr
    assert "timing" not in second.stderr
    assert [line for line in first.stderr.splitlines() if line.startswith("using")] == [
        line for line in second.stderr.splitlines() if line.startswith("using")
    ]
    told = edgecls(
        "run", "--camera", "photos", "--engine", "litert", "--threads", "2", "--precision", "float32"
    )
    assert "using bundles/tiny (tflite float32) on litert, threads: 2" in told.stderr


def test_a_threshold_of_1_names_nothing_and_0_everything(edgecls: Run) -> None:
    for threshold, unknown in (("1", True), ("0", False)):
        done = edgecls("run", "--camera", "photos", "--json", "--threshold", threshold)
        results = of_type("result", records(done.stdout))
        assert {result["unknown"] for result in results} == {unknown}


def test_an_absent_camera_is_one_sentence_and_exit_code_1(edgecls: Run) -> None:
    done = edgecls("run", "--camera", "93", "--json")
    assert done.returncode == 1
    assert done.stdout == ""
    *_, using, sentence = done.stderr.splitlines()
    assert using.startswith("using bundles/tiny")
    assert sentence.startswith("edgecls: camera /dev/video93: expected a video device, found none there")


def test_a_bad_photo_is_an_error_line_and_the_others_go_on(edgecls: Run, workplace: Path) -> None:
    (workplace / "photos" / "a" / "0.jpg").write_bytes(b"")
    done = edgecls("run", "--camera", "photos", "--json")
    assert done.returncode == 0
    lines = records(done.stdout)
    (error,) = [line for line in lines if line["type"] == "error"]
    assert (error["path"], error["frame"], error["fatal"]) == ("photos/a/0.jpg", 0, False)
    assert lines[-1]["frames"] == 3
    assert lines[-1]["errors"] == 1


def test_only_bad_photos_end_with_exit_code_1_and_a_summary(edgecls: Run, workplace: Path) -> None:
    (workplace / "bad.jpg").write_bytes(b"no picture")
    done = edgecls("run", "--camera", "bad.jpg", "--json")
    assert done.returncode == 1
    assert [line["type"] for line in records(done.stdout)] == ["start", "error", "error", "summary"]
    assert done.stderr.splitlines()[-1].startswith("edgecls: bad.jpg: none of 1 photos")


def test_a_folder_replayed_live_keeps_its_rate(edgecls: Run) -> None:
    done = edgecls("run", "--camera", "photos", "--live", "--fps", "10", "--json")
    lines = records(done.stdout)
    results = of_type("result", lines)
    assert lines[0]["live"]
    times = [result["captured_ns"] / 1e9 for result in results]
    assert times[-1] - times[0] > 0.09 * (len(times) - 1) > 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_camera_with_a_summary_and_exit_code_0(
    start_edgecls: Begin, number: signal.Signals
) -> None:
    with start_edgecls("run", "--camera", "synthetic://64x48@50", "--json") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(5)]
        process.send_signal(number)
        rest = process.stdout.read()  # communicate() would not see what readline() has read ahead
        assert process.stderr is not None
        errors = process.stderr.read()
        assert process.wait(timeout=10) == 0, errors
    found = records("".join(lines) + rest)
    assert [line["type"] for line in (found[0], found[1], found[-1])] == ["start", "result", "summary"]
    assert found[-1]["frames"] == len(of_type("result", found))
    assert "Traceback" not in errors


def test_the_reader_of_a_pipe_may_leave_without_a_complaint(start_edgecls: Begin) -> None:
    with start_edgecls("run", "--camera", "synthetic://64x48@50", "--json") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        errors = process.stderr.read()
        assert process.wait(timeout=10) == 0
    assert "Traceback" not in errors
    assert "BrokenPipe" not in errors


def test_a_limit_of_frames_ends_a_camera(edgecls: Run) -> None:
    done = edgecls("run", "--camera", "synthetic://64x48@100", "--max-frames", "4", "--json", "--top", "2")
    lines = records(done.stdout)
    results = of_type("result", lines)
    assert lines[0]["live"]
    assert len(results) == lines[-1]["frames"] == 4
    assert {len(result["top"]) for result in results} == {2}


def test_a_model_file_works_alone(edgecls: Run, workplace: Path) -> None:
    shutil.copy(workplace / "bundles" / "tiny" / "model.int8.tflite", workplace / "alone.tflite")
    shutil.rmtree(workplace / "bundles")
    for arguments in (["--model", "alone.tflite"], ["alone.tflite"]):
        done = edgecls("run", *arguments, "--camera", "photos", "--json")
        assert done.returncode == 0, done.stderr
        assert records(done.stdout)[0]["bundle"] is None
        assert len(records(done.stdout)) == 5


def test_without_any_bundle_the_way_to_one_is_said(edgecls: Run, workplace: Path) -> None:
    shutil.rmtree(workplace / "bundles")
    done = edgecls("run", "--camera", "photos")
    assert done.returncode == 1
    assert "make one with: edgecls export --int8" in done.stderr


def test_a_changed_byte_in_the_bundle_stops_the_run(edgecls: Run, workplace: Path) -> None:
    path = workplace / "bundles" / "tiny" / "model.int8.tflite"
    data = bytearray(path.read_bytes())
    data[900] ^= 1
    path.write_bytes(data)
    done = edgecls("run", "--camera", "photos")
    assert done.returncode == 1
    assert "expected sha256" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--engine", "warp"], "expected an engine of"),
        (["--engine", "onnxruntime"], "'onnxruntime' runs .onnx files"),
        (["--precision", "int4"], "expected a variant 'int4'"),
        (["--size", "big"], "--size expects"),
        (["--fps", "5"], "add --live"),
        (["--camera", ""], "expected a camera number, .*, found nothing"),
        (["--camera", "http://[::1"], "a stream's address is SCHEME://"),
        (["--camera", "rtsp://me:secret[@cam/live"], r"write %5B for \["),
        (["--camera", "http://cam:99999/live"], "a stream's address is SCHEME://"),
        (["--confirm", "1/1000000000000"], "1 <= K <= N <= 10000"),
        (["--csv", "-"], "--csv expects a file"),
        (["--csv", "one", "--jsonl", "one"], "--csv and --jsonl expect two files"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_code_2(edgecls: Run, arguments: list[str], sentence: str) -> None:
    done = edgecls("run", "--camera", "photos", *arguments)
    assert done.returncode == 2
    assert re.search(sentence, done.stderr)
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_the_first_frame_ends_it_at_once(
    start_edgecls: Begin, number: signal.Signals
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/live"
        with start_edgecls("run", "--camera", url, "--engine", "litert") as process:
            asks, _ = silent.accept()  # which OpenCV waits 10 s for
            process.send_signal(number)
            assert process.wait(timeout=5) == -number
            asks.close()


@pytest.mark.parametrize("closed", [1, 2])
def test_who_closes_stdout_or_stderr_hears_nothing_and_it_runs(
    workplace: Path, environment: dict[str, str], edgecls_command: list[str], closed: int
) -> None:
    arguments = ["run", "--camera", "photos", "--json", "--jsonl", "results.jsonl"]
    done = subprocess.run(
        [*edgecls_command, *arguments], cwd=workplace, env=environment, capture_output=True, text=True, check=False,
        preexec_fn=lambda: os.close(closed),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(of_type("result", records((workplace / "results.jsonl").read_text()))) == 3


def test_a_full_stdout_is_one_sentence(
    workplace: Path, environment: dict[str, str], edgecls_command: list[str]
) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*edgecls_command, "run", "--camera", "photos"], cwd=workplace, env=environment, stdout=full,
            stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert "the output cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_photo_too_small_for_the_region_is_an_error_line_and_the_others_go_on(
    edgecls: Run, workplace: Path
) -> None:
    small = cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes()
    (workplace / "photos" / "a" / "0.png").write_bytes(small)
    done = edgecls("run", "--camera", "photos", "--roi", "20x20+0+0", "--json")
    assert done.returncode == 0
    (error,) = of_type("error", records(done.stdout))
    assert error["path"] == "photos/a/0.png"
    assert len(of_type("result", records(done.stdout))) == 3
