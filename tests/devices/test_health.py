"""Health: what /sys says of heat, clocks and power; None where it says nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgecls.devices.health import Health, read_health

MakeRoot = Callable[..., Path]

ZONE = "sys/class/thermal/thermal_zone"
CPU = "sys/devices/system/cpu/cpu"
PI_4 = "sys/devices/platform/soc/soc:firmware/get_throttled"
PI_5 = "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled"


def test_a_raspberry_pi_tells_everything(make_root: MakeRoot) -> None:
    root = make_root(
        {
            f"{ZONE}0/type": "cpu-thermal\n",
            f"{ZONE}0/temp": "61322\n",
            f"{CPU}0/cpufreq/scaling_cur_freq": "600000\n",
            f"{CPU}3/cpufreq/scaling_cur_freq": "1800000\n",
            f"{CPU}0/cpufreq/scaling_governor": "ondemand\n",
            PI_4: "0\n",
        }
    )
    assert read_health(root) == Health(61.322, 1800.0, False, "ondemand")


@pytest.mark.parametrize("path", [PI_4, PI_5])
@pytest.mark.parametrize(
    ("bits", "throttled"),
    [("0", False), ("1", True), ("2", True), ("4", True), ("8", True), ("50005", True), ("f0000", False)],
)
def test_throttled_means_now_and_not_once_since_boot(
    make_root: MakeRoot, path: str, bits: str, throttled: bool
) -> None:
    assert read_health(make_root({path: f"{bits}\n"})).throttled is throttled


def test_the_processors_zone_counts_and_not_the_hottest(make_root: MakeRoot) -> None:
    root = make_root(
        {
            f"{ZONE}0/type": "PMIC-Die",
            f"{ZONE}0/temp": "100000",
            f"{ZONE}1/type": "CPU-therm",
            f"{ZONE}1/temp": "45500",
        }
    )
    assert read_health(root).temperature_c == 45.5


def test_without_a_zone_of_the_processor_the_hottest_counts(make_root: MakeRoot) -> None:
    zones = {
        f"{ZONE}{i}/{name}": text
        for i in range(2)
        for name, text in (("type", "acpitz"), ("temp", f"{4 + i}0000"))
    }
    assert read_health(make_root(zones)).temperature_c == 50.0


def test_a_frost_is_read(make_root: MakeRoot) -> None:
    root = make_root({f"{ZONE}0/type": "cpu-thermal", f"{ZONE}0/temp": "-5500"})
    assert read_health(root).temperature_c == -5.5


@pytest.mark.parametrize("text", ["", "no number", "\n"])
def test_what_cannot_be_read_is_none(make_root: MakeRoot, text: str) -> None:
    root = make_root({f"{ZONE}0/temp": text, f"{CPU}0/cpufreq/scaling_cur_freq": text, PI_4: text})
    assert read_health(root) == Health(None, None, None, None)


def test_a_machine_without_sensors_tells_nothing(tmp_path: Path) -> None:
    assert read_health(tmp_path) == Health(None, None, None, None)
