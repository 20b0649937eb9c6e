"""Profiles: what is known of each board, read strictly, and which of them a machine is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgecls.devices.profile import (
    PROFILES,
    DeviceProfile,
    find_profile,
    load_profiles,
    match_profile,
    read_profile,
)
from edgecls.errors import ModelError, UsageError
from edgecls.machine import Machine

MACHINE = Machine("", "", "aarch64", 4, 4096, "Linux 6.1", "3.11.2", "neon")
X86 = replace(MACHINE, architecture="x86_64", model="AMD EPYC 7763")

GOOD = (PROFILES / "raspberry-pi-4.toml").read_text(encoding="utf-8")


def test_the_boards_of_the_first_release_are_there() -> None:
    assert {profile.name for profile in load_profiles()} >= {
        "raspberry-pi-4",
        "raspberry-pi-5",
        "raspberry-pi-zero-2w",
        "jetson-orin-nano",
        "jetson-nano",
        "x86-avx2",
        "x86-vnni",
    }


@pytest.mark.parametrize("profile", load_profiles(), ids=lambda profile: profile.name)
def test_a_profile_names_its_sources_and_says_when_it_is_untried(profile: DeviceProfile) -> None:
    assert profile.source
    assert all(source.startswith("https://") for source in profile.source)
    assert any(note.startswith("Not tried yet") for note in profile.notes) is not profile.tried
    assert profile.int8_dot in ("vnni", "saturating", "dotprod", "neon")
    assert profile.cameras


@pytest.mark.parametrize(
    "profile", [p for p in load_profiles() if p.models], ids=lambda profile: profile.name
)
def test_a_board_names_its_processor_cores_and_memory(profile: DeviceProfile) -> None:
    assert profile.processor
    assert profile.cores
    assert profile.memory_mb


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("Raspberry Pi 4 Model B Rev 1.4", "raspberry-pi-4"),
        ("Raspberry Pi 5 Model B Rev 1.0", "raspberry-pi-5"),
        ("Raspberry Pi Zero 2 W Rev 1.0", "raspberry-pi-zero-2w"),
        ("NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super", "jetson-orin-nano"),
        ("NVIDIA Jetson Nano Developer Kit", "jetson-nano"),
    ],
)
def test_a_board_is_known_by_what_its_device_tree_says(model: str, name: str) -> None:
    found = match_profile(replace(MACHINE, model=model))
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(("int8_dot", "name"), [("vnni", "x86-vnni"), ("saturating", "x86-avx2")])
def test_an_x86_machine_is_known_by_its_arithmetic(int8_dot: str, name: str) -> None:
    found = match_profile(replace(X86, int8_dot=int8_dot))
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "model", ["Raspberry Pi 3 Model B Rev 1.2", "NVIDIA Jetson AGX Orin", "linux,dummy-virt"]
)
def test_an_unknown_board_matches_nothing(model: str) -> None:
    assert match_profile(replace(MACHINE, model=model)) is None


def test_an_unknown_name_is_wrong_use_and_lists_the_known() -> None:
    with pytest.raises(UsageError, match=r"expected a device of jetson-nano, .*found 'toaster'"):
        find_profile("toaster")
    assert find_profile("jetson-nano").title == "NVIDIA Jetson Nano"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD.replace("cores = 4", 'cores = "four"'), "cores"),
        (GOOD + '\ncolour = "green"\n', "unknown key colour"),
        (GOOD.replace("tried = false\n", ""), "the key 'tried' is missing"),
        (
            GOOD.replace('name = "raspberry-pi-4"', 'name = "other"'),
            "expected the name 'raspberry-pi-4' inside",
        ),
        ("name = ", "expected a device profile in TOML"),
    ],
)
def test_a_profile_with_a_fault_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "raspberry-pi-4.toml"
    path.write_text(GOOD)
    assert read_profile(path).cores == 4
    path.write_text(text)
    with pytest.raises(ModelError, match=words):
        read_profile(path)
