"""Health: temperature, clock and throttling of a board while it works, read from /sys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# Bits 0 to 3 of `vcgencmd get_throttled`: under-voltage, clock capped, throttled, soft temperature limit, all
# of them now; bits 16 to 19 say that it happened since boot
# (https://www.raspberrypi.com/documentation/computers/os.html#get_throttled).
THROTTLED_NOW = 0xF


@dataclass(frozen=True)
class Health:
    """What a board says about itself at one moment; None where it does not say.

    `clock_mhz` is the fastest core's; `throttled` covers under-voltage and heat, on Raspberry Pi only.
    """

    temperature_c: float | None
    clock_mhz: float | None
    throttled: bool | None
    governor: str | None


def read_health(root: Path = Path("/")) -> Health:
    """Read the state of the machine whose /sys lies below `root`. Never raises."""
    clocks = _numbers(root.glob("sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq"))
    return Health(
        temperature_c=_temperature_c(root),
        clock_mhz=max(clocks) / 1000 if clocks else None,
        throttled=_throttled(root),
        governor=_text(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
    )


def _temperature_c(root: Path) -> float | None:
    """The hottest zone of the processor, else of any part.

    Not simply the hottest: the Jetson Nano's PMIC-Die zone always says 100 degrees.
    """
    zones = sorted(root.glob("sys/class/thermal/thermal_zone*"))
    processor = [zone for zone in zones if _is_processor(_text(zone / "type") or "")]
    degrees = _numbers(zone / "temp" for zone in processor or zones)
    return max(degrees) / 1000 if degrees else None


def _is_processor(kind: str) -> bool:
    kind = kind.lower()
    return "cpu" in kind or kind in ("x86_pkg_temp", "soc-thermal", "soc_thermal")


def _throttled(root: Path) -> bool | None:
    # The Raspberry Pi 5 puts the bus address into both names: soc@107c000000/soc@107c000000:firmware.
    path = next(root.glob("sys/devices/platform/soc*/soc*:firmware/get_throttled"), None)
    try:
        return bool(int(_text(path) or "", 16) & THROTTLED_NOW) if path else None
    except ValueError:
        return None


def _numbers(paths: Iterable[Path]) -> list[int]:
    """The whole numbers in those of `paths` that can be read; a sensor that is off answers with an error."""
    found = []
    for path in paths:
        text = _text(path) or ""
        if text.lstrip("-").isdigit():
            found.append(int(text))
    return found


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None
