"""Sources: the grammar of names, and the one sentence for each name that cannot be opened."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from edgecls.errors import DataError, DeviceError, EdgeclsError, UsageError
from edgecls.runtime.sources.grammar import Asked, open_source
from edgecls.runtime.sources.source import FrameSource


def pixels_of(source: FrameSource) -> list[int]:
    return [round(float(frame.pixels.mean())) for frame in source]


def test_a_folder_gives_every_photo_in_the_order_of_its_paths(photo_folder: Path) -> None:
    with open_source(str(photo_folder)) as source:
        frames = list(source)
    names = [str(frame.path.relative_to(photo_folder)) for frame in frames if frame.path]
    assert names == ["a/1.png", "b/2.png", "b/ä 10.png"]
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert not source.live


def test_a_glob_and_a_single_photo_give_their_photos(photo_folder: Path) -> None:
    with open_source(str(photo_folder / "b" / "*.png")) as source:
        assert len(list(source)) == 2
    with open_source(str(photo_folder / "a" / "1.png")) as source:
        assert len(list(source)) == 1


def test_a_bad_photo_is_listed_and_the_others_go_on(photo_folder: Path) -> None:
    (photo_folder / "a" / "0.jpg").write_bytes(b"")
    with open_source(str(photo_folder)) as source:
        frames = list(source)
    assert [frame.index for frame in frames] == [1, 2, 3]
    (fault,) = source.faults
    assert fault.path == photo_folder / "a" / "0.jpg"
    assert "empty" in fault.message


def test_only_bad_photos_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"no picture")
    with open_source(str(tmp_path)) as source, pytest.raises(DataError, match="none of 1 photos"):
        list(source)


def test_a_video_gives_every_frame_in_order(video: Path) -> None:
    with open_source(str(video)) as source:
        levels = pixels_of(source)
    assert levels == pytest.approx(list(range(0, 200, 20)), abs=3)


def test_a_video_replayed_live_keeps_its_rate(video: Path) -> None:
    with open_source(str(video), Asked(live=True, fps=200)) as source:
        times = [frame.captured_ns for frame in source]
    assert source.live
    assert len(times) == 10
    assert min(np.diff(times)) > 4e6


def test_hidden_photos_are_left_out(photo_folder: Path) -> None:
    (photo_folder / ".thumbs").mkdir()
    (photo_folder / ".thumbs" / "1.png").write_bytes(b"x")
    (photo_folder / "._1.png").write_bytes(b"x")
    with open_source(str(photo_folder)) as source:
        assert len(list(source)) == 3
    assert not source.faults


def test_synthetic_frames_are_the_same_each_time_and_move() -> None:
    def first_two() -> list[np.ndarray]:
        with open_source("synthetic://64x48@500") as source:
            assert source.live
            return [frame.pixels for frame, _ in zip(source, range(2), strict=False)]

    one, two = first_two()
    again, _ = first_two()
    assert one.shape == (48, 64, 3)
    assert one.dtype == np.uint8
    assert (one == again).all()
    assert (one != two).any()


@pytest.mark.parametrize(
    "uri", ["csi://0", "picamera://0", "rtsp://u:secret@127.0.0.1:9/x", "gst:videotestsrc"]
)
def test_sources_that_are_not_here_say_why_in_one_line_and_keep_passwords(
    uri: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DeviceError) as found:
        open_source(uri)
    assert "\n" not in str(found.value)
    assert "secret" not in str(found.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "uri", ["ftp://x", "csi://left", "synthetic://640", "synthetic://0x5@30", "synthetic://6x5@0"]
)
def test_names_outside_the_grammar_are_wrong_use(uri: str) -> None:
    with pytest.raises(UsageError):
        open_source(uri)


def test_options_that_do_not_fit_the_source_are_wrong_use(video: Path) -> None:
    for options in ({"fps": 5.0}, {"size": (64, 48)}, {"fps": -1.0, "live": True}, {"fps": float("nan")}):
        with pytest.raises(UsageError):
            open_source(str(video), Asked(**options))


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("missing.jpg", None, "found nothing there"),
        ("notes.txt", b"hello", "expected a photo or a video"),
        ("broken.mp4", b"\x00garbage" * 500, "expected a photo or a video"),
        ("empty.mp4", b"", "expected a photo or a video"),
        ("none*.jpg", None, "expected a pattern"),
    ],
)
def test_files_that_are_no_source_get_one_sentence_and_no_chatter(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, content: bytes | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=sentence) as found:
        open_source(str(tmp_path / name))
    assert "\n" not in str(found.value)
    assert capfd.readouterr().err == ""


def test_an_empty_folder_gets_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="folder with photos"):
        open_source(str(tmp_path))


def test_an_absent_camera_names_what_was_tried(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DeviceError) as found:
        open_source("97")
    assert "/dev/video97" in str(found.value)
    assert "present:" in str(found.value)
    assert capfd.readouterr().err == ""


def test_a_device_that_is_no_camera_gets_one_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from edgecls.runtime.sources.v4l2 import v4l2_camera

    os.mkfifo(tmp_path / "video0")
    with pytest.raises(EdgeclsError, match="does not open"):
        v4l2_camera(tmp_path / "video0")
    assert capfd.readouterr().err == ""
