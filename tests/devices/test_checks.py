"""The doctor's checks: each state of the machine gives its line and its advice."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edgecls.devices import checks
from edgecls.devices.finding import State
from edgecls.devices.packages import EXTRAS, Extra, Package, check_base, check_extras, check_python

tomllib = pytest.importorskip("tomllib", reason="came with Python 3.11")

MakeRoot = Callable[..., Path]
ROOT = Path(__file__).parents[2]
X86 = "processor\t: 0\nmodel name\t: AMD EPYC 7763\nflags\t\t: avx2\n"
BUILD = """
  Video I/O:
    FFMPEG:                      YES
      avcodec:                   YES (62.11.100)
    GStreamer:                   NO
    v4l/v4l2:                    YES (linux/videodev2.h)
"""


def test_a_machine_whose_sums_saturate_is_warned_of(
    make_root: MakeRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    saturating = checks.check_machine(make_root(cpuinfo=X86))
    assert (saturating.state, "int8-avx2" in saturating.advice) == (State.WARN, True)
    vnni = checks.check_machine(make_root(cpuinfo=X86.replace("avx2", "avx2 avx_vnni")))
    assert (vnni.state, vnni.advice) == (State.OK, "")
    assert "profile: x86-vnni" in vnni.found


def test_a_board_without_a_profile_is_told_to_measure(
    make_root: MakeRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    found = checks.check_machine(make_root(model="New Board"))
    assert found.state is State.WARN
    assert "New Board" in found.advice


@pytest.mark.parametrize(
    ("files", "state", "words"),
    [
        ({}, State.OK, ""),
        ({"sys/class/thermal/thermal_zone0/temp": "55000"}, State.OK, ""),
        ({"sys/class/thermal/thermal_zone0/temp": "80000"}, State.WARN, "hot"),
        ({"sys/devices/platform/soc/soc:firmware/get_throttled": "5"}, State.WARN, "power supply"),
        ({"sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave"}, State.WARN, "governor"),
    ],
)
def test_heat_power_and_governor_are_warned_of(
    make_root: MakeRoot, files: dict[str, str], state: State, words: str
) -> None:
    found = checks.check_health(make_root(files))
    assert found.state is state
    assert words in found.advice
    assert bool(found.advice) is (state is not State.OK)


def test_a_disk_that_is_nearly_full_is_warned_of(tmp_path: Path) -> None:
    free_mb = shutil.disk_usage(tmp_path).free // 2**20
    assert checks.check_disk(tmp_path, least_free_mb=0).state is State.OK
    assert checks.check_disk(tmp_path, least_free_mb=free_mb * 2 + 1).state is State.WARN


def test_no_camera_is_missing(make_root: MakeRoot) -> None:
    found = checks.check_cameras(make_root())
    assert (found.state, found.found) == (State.MISSING, "no /dev/video*")


def test_cameras_are_named_in_the_order_of_their_numbers(make_root: MakeRoot) -> None:
    names = {"sys/class/video4linux/video2/name": "USB Camera\n", "dev/video10": "", "dev/video2": ""}
    found = checks.check_cameras(make_root(names))
    assert (found.state, found.found) == (State.OK, "/dev/video2 (USB Camera), /dev/video10")


def test_a_camera_this_user_may_not_open_is_warned_of(
    make_root: MakeRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    found = checks.check_cameras(make_root({"dev/video0": ""}))
    assert found.state is State.WARN
    assert "usermod -aG video" in found.advice


def test_the_features_of_opencv_are_read_from_its_build() -> None:
    assert checks.video_features(BUILD) == {"GStreamer": False, "FFMPEG": True, "V4L2": True}
    assert checks.video_features("") == {"GStreamer": False, "FFMPEG": False, "V4L2": False}


def test_the_opencv_of_this_environment_is_looked_at() -> None:
    found = checks.check_opencv()
    assert found.state is not State.MISSING
    assert "GStreamer" in found.found


def test_without_a_bundle_the_advice_is_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGECLS_BUNDLE", raising=False)
    found = checks.check_bundle()
    assert found.state is State.MISSING
    assert "edgecls export --int8" in found.advice


def test_a_bundle_that_cannot_be_read_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGECLS_BUNDLE", str(tmp_path))
    (tmp_path / "manifest.json").write_text('{"schema": 99}')
    found = checks.check_bundle()
    assert found.state is State.WARN
    assert "found 99" in found.found


def test_every_extra_of_the_project_is_looked_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {extra.name for extra in EXTRAS} == set(project["optional-dependencies"])


@pytest.mark.parametrize("extra", EXTRAS, ids=lambda extra: extra.name)
def test_an_extra_is_known_by_the_packages_it_brings(extra: Extra) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    brought = " ".join(project["optional-dependencies"][extra.name]).replace("[and-cuda]", " nvidia-cudnn")
    for package in extra.packages:
        assert package.distributions[0].removesuffix("-cu12") in brought


def test_the_base_packages_of_this_environment_are_there() -> None:
    found = check_base()
    assert found.state is State.OK
    assert "numpy" in found.found


def test_an_absent_package_is_absent_and_a_module_without_distribution_is_of_the_system() -> None:
    assert Package("no_such_module_xyz", ("no-such-package-xyz",)).version() is None
    assert Package("json", ("no-such-package-xyz",)).version() == "of the system"
    assert Package("numpy", ("no-such-package-xyz", "numpy")).version() not in (None, "of the system")


def test_an_extra_that_is_not_installed_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = Package("no_such_module_xyz", ("no-such-package-xyz",))
    there = Package("numpy", ("numpy",))
    extras = (
        Extra("none", "to x", (absent,)),
        Extra("half", "to y", (absent, there)),
        Extra("all", "to z", (there,)),
    )
    monkeypatch.setattr("edgecls.devices.packages.EXTRAS", extras)
    none, half, whole = check_extras()
    assert (none.state, half.state, whole.state) == (State.MISSING, State.WARN, State.OK)
    assert none.advice == "Only needed to x: pip install 'edgecls[none]'"


@pytest.mark.parametrize(
    ("version", "state"),
    [((3, 10, 13), State.WARN), ((3, 11, 0), State.OK), ((3, 13, 1), State.OK), ((3, 14, 0), State.WARN)],
)
def test_the_python_is_judged_by_what_runs_on_it(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], state: State
) -> None:
    monkeypatch.setattr("sys.version_info", version)
    assert check_python().state is state
