"""Cameras that may come and go: opened at once or later, anew each time, and never believed without a frame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from edgecls.errors import DeviceError
from edgecls.runtime.sources.camera import Camera, Limits
from edgecls.runtime.sources.network import network_camera, why_not, without_password
from edgecls.runtime.sources.stream_clock import WINDOW_NS, StreamClock

LIMITS = Limits(dead_s=0.5, stall_s=4.0, waits_s=0.5, late_s=1.9)
MS = 1_000_000


class Scripted:
    """A capture whose reads take so many ms and give a frame or not; then it gives nothing, at once."""

    def __init__(self, clock: Any, reads: Iterator[tuple[int, bool]]) -> None:
        self.clock, self.reads = clock, reads
        self.released = False

    def isOpened(self) -> bool:
        return True

    def read(self) -> tuple[bool, Any]:
        ms, good = next(self.reads, (1, False))
        self.clock.pass_ms(ms)
        return (True, np.zeros((2, 2, 3), np.uint8)) if good else (False, None)

    def get(self, property: int, /) -> float:
        return 0.0

    def set(self, property: int, value: float, /) -> bool:
        return True

    def release(self) -> None:
        self.released = True


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait between two reads in vain passes on the fake clock alone."""
    monkeypatch.setattr("edgecls.runtime.sources.camera.RETRY_S", 0.001)


def device(clock: Any, *lives: list[tuple[int, bool]], **options: Any) -> tuple[Camera, list[Scripted]]:
    """A camera that behaves as one list after the other says, each time it is opened."""
    opened: list[Scripted] = []

    def opener() -> Scripted:
        opened.append(Scripted(clock, iter(lives[len(opened)])))
        return opened[-1]

    return Camera("cam", opener, LIMITS, clock=clock, **options), opened


def test_iterating_again_opens_the_device_anew_and_goes_on_counting(clock: Any) -> None:
    camera, opened = device(clock, [(10, True)] * 2, [(10, True)] * 3)
    indices: list[int] = []
    for _ in range(2):
        with pytest.raises(DeviceError, match="stopped giving frames"):
            indices.extend(frame.index for frame in camera)
    assert indices == [0, 1, 2, 3, 4]
    assert len(opened) == 2
    assert opened[0].released


def test_a_patient_camera_is_opened_by_its_first_iteration(clock: Any) -> None:
    camera, opened = device(clock, [(10, True)], patient=True)
    assert opened == []
    assert next(iter(camera)).index == 0


def test_reads_that_wait_are_given_longer_than_reads_that_fail_at_once(clock: Any) -> None:
    dead, _ = device(clock, [])
    with pytest.raises(DeviceError, match="opened but gave no frame"):
        list(dead)
    dead_ms = clock.now_ns / MS
    slow, _ = device(clock, [(1000, False)] * 3 + [(10, True)])
    assert next(iter(slow)).index == 0
    assert dead_ms < 1500


def test_a_frame_that_comes_when_the_time_of_a_read_is_up_is_not_believed(clock: Any) -> None:
    camera, _ = device(clock, [(10, True), (2000, True), (2000, True), (2000, True)])
    seen: list[int] = []
    with pytest.raises(DeviceError, match="stopped giving frames after 1"):
        seen.extend(frame.index for frame in camera)


def test_a_closed_camera_is_not_opened_again(clock: Any) -> None:
    camera, opened = device(clock, [(10, True)] * 5, [(10, True)] * 5)
    camera.close()
    assert list(camera) == []
    assert opened[0].released


class Stamped:
    """Gives time stamps in ms, as a Capture does for CAP_PROP_POS_MSEC."""

    def __init__(self) -> None:
        self.ms = 0.0

    def get(self, property: int) -> float:
        return self.ms


def taken(stream: StreamClock, stamps_ms: list[float], came_ms: list[float]) -> list[float | None]:
    """When pictures were taken, in ms, by their time stamps and when they came."""
    capture, found = Stamped(), []
    for capture.ms, came in zip(stamps_ms, came_ms, strict=True):
        at = stream(capture, int(came * MS))  # type: ignore[arg-type]
        found.append(None if at is None else round(at / MS, 3))
    return found


def test_pictures_that_had_piled_up_are_passed_over_until_they_come_in_real_time() -> None:
    stamps = [0.0, 0.0, 33.0, 66.0, 99.0, 132.0, 165.0]
    came = [1000.0, 1001.0, 1002.0, 1003.0, 1036.0, 1069.0, 1102.0]
    assert taken(StreamClock(), stamps, came) == [None, None, None, None, 1036.0, 1069.0, 1102.0]


def test_a_picture_that_came_late_is_dated_back() -> None:
    stamps = [0.0, 100.0, 200.0, 300.0, 400.0]
    came = [1000.0, 1100.0, 1200.0, 1550.0, 1551.0]
    assert taken(StreamClock(), stamps, came)[2:] == [1200.0, 1300.0, 1400.0]


def test_clocks_that_part_do_not_make_pictures_old() -> None:
    """A camera's clock 0.1 % slow: after an hour its stamps are 3.6 s behind."""
    window_ms = WINDOW_NS / MS
    came = [1000.0 + 1000.0 * i for i in range(3600)]
    stamps = [999.0 * i for i in range(3600)]
    found = taken(StreamClock(), stamps, came)
    ages = [at_came - at for at, at_came in zip(found, came, strict=True) if at is not None]
    assert max(ages) <= 2 * window_ms * 0.001 + 5


def test_a_stream_without_stamps_is_dated_by_its_arrival_after_a_while() -> None:
    came = [1000.0 + 100.0 * i for i in range(50)]
    found = taken(StreamClock(), [0.0] * 50, came)
    assert found[-1] is not None


def test_a_password_is_not_shown_and_a_user_alone_is() -> None:
    assert without_password("rtsp://u:p@host:1/x?y=1") == "rtsp://u:***@host:1/x?y=1"
    assert without_password("rtsp://host/x") == "rtsp://host/x"
    assert without_password("http://u@host/x") == "http://u@host/x"


def test_what_is_wrong_with_an_address_is_said() -> None:
    assert "no host is called" in why_not("rtsp://no-such-host.invalid/x")
    assert "Connection refused" in why_not("http://127.0.0.1:9/x")
    with pytest.raises(DeviceError, match="Connection refused"):
        network_camera("http://127.0.0.1:9/x")
