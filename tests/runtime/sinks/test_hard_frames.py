"""HardFramesSink: the frames worth labelling are there and whole, and neither quota nor disk is overrun."""

from __future__ import annotations

import itertools
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgecls.errors import UsageError
from edgecls.prediction import Prediction
from edgecls.runtime.sinks.hard_frames import HardFramesSink
from edgecls.runtime.sinks.sink import Result, StagesMs
from edgecls.runtime.sources.source import Frame
from edgecls.runtime.watcher import Event

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
NUMBERS = itertools.count()


def unix_ns(at: datetime) -> int:
    return round(at.timestamp() * 1e6) * 1000


def make_result(*top: float, second: float = 0.0, label: str = "red", **options: Any) -> Result:
    """A result whose best labels have the confidences `top`, `second` seconds after noon."""
    pixels = options.get("pixels", np.full((60, 80, 3), (10, 20, 230), np.uint8))
    named = tuple(zip((label, "green", "blue"), top, strict=False))
    found = Prediction(
        0, label, top[0], options.get("unknown", False), named, options.get("scores", np.zeros(0))
    )
    at = options.get("at", NOON + timedelta(seconds=second))
    frame = Frame(pixels, options.get("index", next(NUMBERS)), 0)
    return Result(frame, unix_ns(at), 1.0, found, StagesMs(0, 0, 0, 0))


def noise(seed: int = 0, height: int = 100) -> np.ndarray:
    """A picture whose JPEG is some 13 kB, or more when it is higher."""
    return np.random.default_rng(seed).integers(0, 256, (height, 120, 3), np.uint8)


def make_event(kind: str = "enter", reason: str = "seen") -> Event:
    return Event(kind, 0, "red", 0.9, 0, "t", None, reason)


def make_sink(folder: Path, clock: Any, **options: Any) -> HardFramesSink:
    return HardFramesSink(folder, **{"free_mb": 0, "clock": clock, **options})


def files(folder: Path, pattern: str = "*/*.jpg") -> list[Path]:
    return sorted(folder.glob(pattern))


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def save(sink: HardFramesSink, clock: Any, count: int, *, height: int = 100, **options: Any) -> None:
    """Give so many uncertain frames of noise, three seconds apart."""
    for index in range(count):
        clock.pass_ms(3000)
        sink.result(make_result(0.5, 0.45, second=3.0 * index, pixels=noise(index, height), **options))


def test_an_uncertain_frame_is_saved_as_it_is_with_its_result_beside_it(tmp_path: Path, clock: Any) -> None:
    sink = make_sink(tmp_path, clock)
    result = make_result(0.5, 0.4, index=42, second=0.25)
    sink.result(result)
    (picture,) = files(tmp_path)
    assert picture.parent == tmp_path / "2026-11-22"
    assert picture.name.startswith("20261122T120000250000Z-")
    assert picture.name.endswith("-000000042-red.jpg")
    pixels = cv2.imread(str(picture))
    assert pixels is not None
    assert np.abs(pixels.astype(int) - result.frame.pixels).max() <= 4
    record = json.loads(picture.with_suffix(".json").read_text())
    assert (record["schema"], record["type"], record["frame"], record["hard"]) == (
        1,
        "result",
        42,
        "uncertain",
    )
    assert record["top"][1] == {"label": "green", "confidence": 0.4}
    assert len(files(tmp_path, "**/*")) == 3
    assert not sink.faults


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (make_result(0.9, 0.05), None),
        (make_result(0.55, 0.34), None),
        (make_result(0.55, 0.36), "uncertain"),
        (make_result(0.9, 0.05, unknown=True), "unknown"),
        (make_result(0.5), None),
        (make_result(0.5, scores=np.array([0.1, 0.5, 0.4], np.float32)), "uncertain"),
        (make_result(0.7, scores=np.array([0.1, 0.7, 0.2], np.float32)), None),
        (make_result(1.0, scores=np.ones(1, np.float32)), None),
    ],
)
def test_only_what_is_unknown_or_close_is_saved(
    tmp_path: Path, clock: Any, result: Result, reason: str | None
) -> None:
    make_sink(tmp_path, clock).result(result)
    saved = [json.loads(path.read_text())["hard"] for path in files(tmp_path, "*/*.json")]
    assert saved == ([reason] if reason else [])


@pytest.mark.parametrize(("reason", "saved"), [("seen", 1), ("no frames", 0)])
def test_a_frame_that_came_with_an_event_is_saved_and_the_next_is_not(
    tmp_path: Path, clock: Any, reason: str, saved: int
) -> None:
    sink = make_sink(tmp_path, clock, every_s=0)
    sink.event(make_event("leave", reason))
    for _ in range(3):
        clock.pass_ms(3000)
        sink.result(make_result(0.99, 0.01))
    records = [json.loads(path.read_text()) for path in files(tmp_path, "*/*.json")]
    assert [record["hard"] for record in records] == ["changing"] * saved


def test_at_most_one_is_saved_in_a_while(tmp_path: Path, clock: Any) -> None:
    sink = make_sink(tmp_path, clock)
    for index in range(100):
        sink.result(make_result(0.5, 0.5, index=index))
        clock.pass_ms(100)
    indices = [json.loads(path.read_text())["frame"] for path in files(tmp_path, "*/*.json")]
    assert indices == [0, 20, 40, 60, 80]


def test_names_sort_by_time_and_a_day_has_its_folder(tmp_path: Path, clock: Any) -> None:
    sink = make_sink(tmp_path, clock, every_s=0)
    for index, second in enumerate((0, 0.000001, 1, 11 * 3600, 12 * 3600)):
        sink.result(make_result(0.5, 0.5, second=second, index=9 - index))
    assert [path.parent.name for path in files(tmp_path)] == ["2026-11-22"] * 4 + ["2026-11-23"]
    records = [json.loads(path.with_suffix(".json").read_text()) for path in files(tmp_path)]
    assert [record["frame"] for record in records] == [9, 8, 7, 6, 5]


def test_names_never_collide_within_a_run_or_between_two(tmp_path: Path, clock: Any) -> None:
    for _ in range(3):
        sink = make_sink(tmp_path, clock, every_s=0)
        for _ in range(4):
            sink.result(make_result(0.5, 0.5, index=1))
    assert len(files(tmp_path)) == len(files(tmp_path, "*/*.json")) == 12


@pytest.mark.parametrize(
    ("label", "safe"),
    [
        ("../../etc/passwd", "_etc_passwd"),
        ("a b\n", "a_b_"),
        ("grün", "grün"),
        ("漢" * 200, "漢" * 40),
        ("", "_"),
    ],
)
def test_a_label_cannot_lead_elsewhere(tmp_path: Path, clock: Any, label: str, safe: str) -> None:
    make_sink(tmp_path / "hard", clock).result(make_result(0.5, 0.5, label=label))
    (picture,) = files(tmp_path, "hard/2026-11-22/*.jpg")
    assert picture.stem.split("-", 3)[3] == safe
    assert json.loads(picture.with_suffix(".json").read_text())["label"] == label


def test_beyond_the_quota_the_oldest_go_and_the_newest_stay(tmp_path: Path, clock: Any) -> None:
    sink = make_sink(tmp_path, clock, quota_mb=0.1)
    for index in range(20):
        save(sink, clock, 1, index=index, at=NOON + timedelta(hours=index))
        assert size(tmp_path) <= 100_000
    assert size(tmp_path) > 60_000
    left = [json.loads(path.read_text())["frame"] for path in files(tmp_path, "*/*.json")]
    assert left == list(range(20 - len(left), 20))
    assert [path.stem for path in files(tmp_path)] == [path.stem for path in files(tmp_path, "*/*.json")]
    assert [path.name for path in tmp_path.iterdir()] == ["2026-11-23"]
    assert not sink.faults


def test_the_quota_counts_what_earlier_runs_left(tmp_path: Path, clock: Any) -> None:
    save(make_sink(tmp_path, clock), clock, 10)
    before = files(tmp_path)
    sink = make_sink(tmp_path, clock, quota_mb=0.1)
    clock.pass_ms(3000)
    sink.result(make_result(0.5, 0.5, second=100, pixels=noise()))
    assert size(tmp_path) <= 100_000
    assert before[-1].exists()
    assert not before[0].exists()


def test_files_that_somebody_took_away_count_no_longer(tmp_path: Path, clock: Any) -> None:
    sink = make_sink(tmp_path, clock, quota_mb=0.1)
    save(sink, clock, 4)
    for path in files(tmp_path, "*/*"):
        path.unlink()
    save(sink, clock, 4)
    assert len(files(tmp_path)) == 4


def test_foreign_files_are_neither_counted_nor_touched(tmp_path: Path, clock: Any) -> None:
    day = tmp_path / "2026-11-22"
    elsewhere = tmp_path / "elsewhere"
    own_like = "20200101T000000000000Z-abcdef-000000001-red.jpg"
    foreign = [tmp_path / "notes.txt", day / "mine.jpg", tmp_path / "other" / own_like, elsewhere / own_like]
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(300_000))
    (tmp_path / "2020-01-01").symlink_to(elsewhere)
    (day / own_like).symlink_to(elsewhere / own_like)
    sink = make_sink(tmp_path, clock, quota_mb=0.1)
    save(sink, clock, 12)
    own = [path for path in files(tmp_path, "2026-11-22/20261122T*") if path.stat().st_size < 300_000]
    assert 60_000 < sum(path.stat().st_size for path in own) <= 100_000
    assert all(path.stat().st_size == 300_000 for path in foreign)
    assert (day / own_like).is_symlink()


def test_a_frame_larger_than_the_quota_deletes_nothing_and_is_told_once(tmp_path: Path, clock: Any) -> None:
    sink = make_sink(tmp_path, clock, quota_mb=0.01)
    clock.pass_ms(3000)
    sink.result(make_result(0.5, 0.5))
    save(sink, clock, 3)
    assert len(files(tmp_path)) == 1
    assert [fault.message for fault in sink.faults] == [
        f"hard frames {tmp_path}: one frame is more than the 0.01 MB allowed, nothing is saved; "
        "going on, and trying again"
    ]


@pytest.fixture
def small_disk(mount_disk: Callable[[int], Path]) -> Path:
    """A file system of 1024 kB."""
    return mount_disk(1024)


def test_what_must_stay_free_on_the_disk_stays_free_and_that_is_told(small_disk: Path, clock: Any) -> None:
    folder = small_disk / "hard"
    sink = make_sink(folder, clock, free_mb=0.5)
    save(sink, clock, 20, height=400)
    status = os.statvfs(small_disk)
    assert 500_000 <= status.f_bavail * status.f_frsize < 620_000
    assert 5 <= len(files(folder)) < 20
    (full,) = sink.faults
    assert "0.5 MB must stay free on the disk, nothing is saved" in full.message
    for path in files(folder, "*/*")[:6]:
        path.unlink()
    save(sink, clock, 1, index=1000)
    assert sink.faults[-1].recovered_s is not None
    assert len(sink.faults) == 2


def test_a_frame_that_would_take_what_must_stay_free_is_not_saved(small_disk: Path, clock: Any) -> None:
    sink = make_sink(small_disk / "hard", clock, free_mb=0.5)
    save(sink, clock, 1, height=5000)
    assert len(sink.faults) == 1
    assert not files(small_disk / "hard")


def test_not_even_a_part_of_a_block_is_taken_of_what_must_stay_free(small_disk: Path, clock: Any) -> None:
    saved = []
    for step in range(40):
        before = os.statvfs(small_disk)
        free_mb = (before.f_bavail * before.f_frsize - 10_000 - 1000 * step) / 1e6
        sink = make_sink(small_disk / str(step), clock, free_mb=free_mb)
        save(sink, clock, 1)
        after = os.statvfs(small_disk)
        assert after.f_bavail * after.f_frsize >= int(free_mb * 1e6)
        saved.append(len(files(small_disk / str(step))))
    assert saved[0] == 0
    assert saved[-1] == 1


def test_a_write_that_fails_half_way_leaves_nothing_and_is_told(tmp_path: Path, clock: Any) -> None:
    sink = make_sink(tmp_path, clock)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        save(sink, clock, 3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in tmp_path.rglob("*")] == ["2026-11-22"]
    (fault,) = sink.faults
    assert "cannot be written (File too large), nothing is saved" in fault.message
    save(sink, clock, 1)
    assert sink.faults[-1].recovered_s is not None


def test_a_folder_that_goes_away_is_told_and_the_run_goes_on(tmp_path: Path, clock: Any) -> None:
    folder = tmp_path / "hard"
    sink = make_sink(folder, clock)
    folder.rmdir()
    save(sink, clock, 3)
    assert [fault.message for fault in sink.faults] == [
        f"hard frames {folder}: cannot be written (No such file or directory), nothing is saved; "
        "going on, and trying again"
    ]
    folder.mkdir()
    save(sink, clock, 1)
    assert sink.faults[-1].recovered_s is not None


KILLED = """
import sys
import numpy as np
from pathlib import Path
from edgecls.prediction import Prediction
from edgecls.runtime.sinks.hard_frames import HardFramesSink
from edgecls.runtime.sinks.sink import Result, StagesMs
from edgecls.runtime.sources.source import Frame
sink = HardFramesSink(Path(sys.argv[1]), every_s=0, free_mb=0)
pixels = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
for index in range(100_000):
    found = Prediction(0, "red", 0.5, True, (("red", 0.5),))
    sink.result(Result(Frame(pixels, index, 0), 1_795_341_600_000_000_000, 1.0, found, StagesMs(0, 0, 0, 0)))
    print(index, flush=True)
"""


def test_after_a_kill_every_picture_is_whole_and_has_its_json(tmp_path: Path, clock: Any) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    for _ in range(3):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(20):
                process.stdout.readline()
            process.kill()
    assert len(files(tmp_path)) >= 60
    for picture in files(tmp_path):
        assert json.loads(picture.with_suffix(".json").read_text())["label"] == "red"
        assert picture.read_bytes()[-2:] == b"\xff\xd9"  # the end of a JPEG
    make_sink(tmp_path, clock)


def test_what_a_kill_left_half_written_is_removed_at_the_next_start(tmp_path: Path, clock: Any) -> None:
    save(make_sink(tmp_path, clock), clock, 1)
    (picture,) = files(tmp_path)
    old, new = (picture.with_name(f".{picture.name}{end}") for end in (".part", "x.part"))
    young = picture.with_name(f".{picture.stem}-2.jpg.part")
    for path in (old, new, young):
        path.write_bytes(b"half")
    for path in (old, new):
        os.utime(path, (time.time() - 3600,) * 2)
    make_sink(tmp_path, clock)
    assert [path.exists() for path in (old, new, young)] == [False, True, True]


@pytest.mark.parametrize(
    "options", [{"margin": 1.5}, {"margin": -0.1}, {"every_s": -1}, {"quota_mb": 0}, {"free_mb": -1}]
)
def test_values_that_make_no_sense_are_refused(tmp_path: Path, clock: Any, options: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="found"):
        make_sink(tmp_path, clock, **options)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path, clock: Any) -> None:
    (tmp_path / "hard").write_text("")
    with pytest.raises(UsageError, match="expected a folder for hard frames"):
        make_sink(tmp_path / "hard", clock)
