"""Cameras: what a V4L2 device does when it works, dies, or was never alive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.errors import DeviceError
from edgecls.runtime.sources.camera import Camera
from edgecls.runtime.sources.v4l2 import present_cameras, v4l2_camera


class FakeCapture:
    """A camera that gives so many frames and then only False, as an unplugged one does."""

    def __init__(self, frames: int, tick: Callable[[], None]) -> None:
        self.left, self.tick = frames, tick
        self.reads = 0
        self.released = False
        self.asked: dict[int, float] = {}

    def isOpened(self) -> bool:
        return True

    def read(self) -> tuple[bool, Any]:
        self.tick()
        self.reads += 1
        self.left -= 1
        return (True, np.zeros((4, 6, 3), np.uint8)) if self.left >= 0 else (False, None)

    def get(self, property: int, /) -> float:
        return 0.0

    def set(self, property: int, value: float, /) -> bool:
        self.asked[property] = value
        return True

    def release(self) -> None:
        self.released = True


@pytest.fixture
def device(tmp_path: Path) -> Path:
    (tmp_path / "video0").touch()
    return tmp_path / "video0"


def camera(device: Path, clock: Any, frames: int, **options: Any) -> tuple[Camera, FakeCapture]:
    capture = FakeCapture(frames, lambda: clock.pass_ms(300))
    return v4l2_camera(device, clock=clock, opener=lambda _: capture, **options), capture


def test_a_camera_that_opens_but_gives_no_frame_is_an_error_within_seconds(device: Path, clock: Any) -> None:
    opened, capture = camera(device, clock, frames=0)
    with pytest.raises(DeviceError, match="opened but gave no frame"):
        list(opened)
    assert clock.now_ns < 5e9
    assert capture.reads < 20


def test_a_camera_that_dies_says_how_many_frames_it_gave(device: Path, clock: Any) -> None:
    opened, _ = camera(device, clock, frames=3)
    seen: list[int] = []
    with pytest.raises(DeviceError, match="stopped giving frames after 3"):
        seen.extend(frame.index for frame in opened)


def test_a_camera_that_fails_for_a_moment_goes_on(device: Path, clock: Any) -> None:
    opened, capture = camera(device, clock, frames=1)
    frames = iter(opened)
    assert next(frames).index == 0
    capture.left = 0

    def recover() -> None:
        clock.pass_ms(300)
        if capture.reads == 4:
            capture.left = 2

    capture.tick = recover
    assert next(frames).index == 1


def test_a_camera_that_is_slow_to_start_is_waited_for(device: Path, clock: Any) -> None:
    opened, capture = camera(device, clock, frames=0)

    def wait_in_vain() -> None:
        clock.pass_ms(1000)
        if capture.reads == 3:
            capture.left = 1

    capture.tick = wait_in_vain
    assert next(iter(opened)).index == 0


def test_a_camera_that_stays_silent_is_an_error_before_long(device: Path, clock: Any) -> None:
    opened, capture = camera(device, clock, frames=1)
    capture.tick = lambda: clock.pass_ms(1000)
    with pytest.raises(DeviceError, match="stopped giving frames after 1"):
        list(opened)
    assert 5 <= capture.reads <= 7


def test_a_closed_camera_is_released_and_ends(device: Path, clock: Any) -> None:
    opened, capture = camera(device, clock, frames=100)
    with opened:
        next(iter(opened))
    assert capture.released
    assert list(opened) == []


def test_a_mode_is_asked_for(device: Path, clock: Any) -> None:
    _, capture = camera(device, clock, frames=1, fps=15.0, size=(1280, 720))
    assert {1280, 720, 15.0} <= set(capture.asked.values())


def test_the_cameras_that_are_there_are_named_in_order(tmp_path: Path) -> None:
    for number in (10, 2, 0):
        (tmp_path / f"video{number}").touch()
    assert [Path(name).name for name in present_cameras(tmp_path)] == ["video0", "video2", "video10"]
    with pytest.raises(DeviceError, match=r"video0, .*video2, .*video10"):
        v4l2_camera(tmp_path / "video7")
