"""Cameras on a ribbon cable: every way is tried in turn, and each says why it is none. No board: picamera2 is a fake."""

from __future__ import annotations

import sys
import time
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from edgecls.errors import DeviceError, UsageError
from edgecls.runtime.sources import csi, gstreamer, picamera
from edgecls.runtime.sources.camera import Camera
from edgecls.runtime.sources.csi import argus_pipeline, csi_camera, libcamera_pipeline
from edgecls.runtime.sources.grammar import Asked, open_source
from edgecls.runtime.sources.gstreamer import SINK, gstreamer_camera


class FakeRequest:
    """One picture, as picamera2's CompletedRequest gives it."""

    def get_metadata(self) -> dict[str, int]:
        return {"SensorTimestamp": time.clock_gettime_ns(time.CLOCK_BOOTTIME) - 20_000_000}

    def make_array(self, name: str) -> np.ndarray:
        assert name == "main"
        return np.full((4, 6, 3), 7, np.uint8)

    def release(self) -> None:
        FakePicamera2.released += 1


class FakePicamera2:
    """What PicameraCapture uses of picamera2.Picamera2; camera 1 is absent."""

    released = 0
    asked: dict[str, Any]

    def __init__(self, number: int) -> None:
        if number:
            raise IndexError("list index out of range")

    def create_video_configuration(self, **asked: Any) -> dict[str, Any]:
        FakePicamera2.asked = asked
        return asked

    def configure(self, configuration: dict[str, Any]) -> None:
        assert configuration["main"]["format"] == "RGB888"

    def start(self) -> None:
        pass

    def capture_request(self, wait: bool) -> str:
        assert not wait
        return "job"

    def wait(self, job: str, timeout: float) -> FakeRequest:
        assert (job, timeout) == ("job", picamera.READ_S)
        return FakeRequest()

    def close(self) -> None:
        pass


@pytest.fixture
def picamera2(monkeypatch: pytest.MonkeyPatch) -> type[FakePicamera2]:
    module = ModuleType("picamera2")
    module.Picamera2 = FakePicamera2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", module)
    monkeypatch.setattr(picamera, "find_spec", lambda name: name)
    return FakePicamera2


def first(camera: Any) -> Any:
    with camera:
        return next(iter(camera))


def test_picamera2_gives_frames_dated_by_its_sensor(picamera2: type[FakePicamera2]) -> None:
    before = picamera2.released
    frame = first(open_source("picamera://0", Asked(size=(640, 480), fps=15.0)))
    assert frame.pixels.shape == (4, 6, 3)
    assert 10e6 < time.monotonic_ns() - frame.captured_ns < 5e9
    assert picamera2.asked["main"]["size"] == (640, 480)
    assert picamera2.asked["controls"] == {"FrameRate": 15.0}
    assert picamera2.released > before


@pytest.mark.usefixtures("picamera2")
def test_csi_takes_picamera2_first_and_an_absent_camera_is_a_sentence() -> None:
    assert first(open_source("csi://0")).pixels.shape == (4, 6, 3)
    with pytest.raises(DeviceError, match="check the ribbon cable"):
        open_source("picamera://1")


def test_without_any_way_each_says_why() -> None:
    if gstreamer.has_gstreamer():
        pytest.skip("this OpenCV has GStreamer")
    with pytest.raises(DeviceError) as found:
        csi_camera(9)
    for words in ("picamera2: ", "apt install python3-picamera2", "GStreamer: ", "V4L2: ", "/dev/video9"):
        assert words in str(found.value)


def test_the_next_way_is_taken_when_one_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> Camera:
        raise DeviceError("none")

    marker = object()
    monkeypatch.setattr(csi, "WAYS", {"a": fails, "b": lambda *_, **__: marker, "c": fails})
    assert csi_camera(0) is marker


def test_pipelines_are_those_of_the_makers_documents() -> None:
    mode = (30.0, (1280, 720))
    assert (
        libcamera_pipeline(0, mode) == "libcamerasrc ! video/x-raw,width=1280,height=720,framerate=30000/1000"
    )
    assert argus_pipeline(1, mode) == (
        "nvarguscamerasrc sensor-id=1 ! video/x-raw(memory:NVMM),width=1280,height=720,framerate=30000/1000 "
        "! nvvidconv ! video/x-raw,format=BGRx"
    )
    with pytest.raises(DeviceError, match="by name"):
        libcamera_pipeline(1, mode)


class Playing:
    """A pipeline that plays, or not."""

    def __init__(self, plays: bool) -> None:
        self.plays = plays

    def isOpened(self) -> bool:
        return self.plays

    def read(self) -> tuple[bool, Any]:
        return True, np.zeros((2, 2, 3), np.uint8)

    def get(self, property: int, /) -> float:
        return 0.0

    def set(self, property: int, value: float, /) -> bool:
        return True

    def release(self) -> None:
        pass


def test_a_pipeline_gets_a_sink_that_keeps_the_newest_picture_unless_it_has_its_own() -> None:
    asked: list[str] = []

    def opener(pipeline: str) -> Playing:
        asked.append(pipeline)
        return Playing(True)

    first(gstreamer_camera("videotestsrc", opener=opener))
    first(gstreamer_camera("videotestsrc ! appsink", opener=opener))
    assert asked == [f"videotestsrc ! {SINK}", "videotestsrc ! appsink"]


def test_a_pipeline_that_does_not_play_is_a_sentence_with_the_way_to_try_it() -> None:
    with pytest.raises(DeviceError, match=r"gst-launch-1.0 nonsense ! fakesink"):
        gstreamer_camera("nonsense", opener=lambda _: Playing(False))


def test_secrets_of_a_pipeline_are_not_shown() -> None:
    pipeline = 'rtspsrc location=rtsp://u:secret@cam/live user-id=me user-pw=secret2 ! x password="sec ret3" ! decodebin'
    opened = gstreamer_camera(pipeline, opener=lambda _: Playing(True))
    with pytest.raises(DeviceError) as found:
        gstreamer_camera(pipeline, opener=lambda _: Playing(False))
    for shown in (opened.name, str(found.value)):
        assert "sec" not in shown
        assert "rtsp://u:***@cam/live user-id=me user-pw=***" in shown


def test_modes_of_streams_and_pipelines_are_their_own() -> None:
    for uri in ("rtsp://host/live", "gst:videotestsrc"):
        with pytest.raises(UsageError, match="leave --size and --fps out"):
            open_source(uri, Asked(fps=5.0))
