"""DeviceProfile: what is known about a target board, one TOML file each under profiles/."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from edgecls.errors import ModelError, UsageError
from edgecls.machine import Machine
from edgecls.records import from_record

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROFILES = Path(__file__).with_name("profiles")


@dataclass(frozen=True)
class DeviceProfile:
    """Facts about one board or family of processors, each from the documents named in `source`.

    `models` are the beginnings of /proc/device-tree/model that mean this board; without any, `architecture`
    and `int8_dot` decide. `memory_mb` lists the sizes it is sold with. `cameras` are sources that
    `edgecls run --camera` takes and that fit the board. `tried` says whether edgecls has run on one.
    """

    name: str
    title: str
    architecture: str
    int8_dot: str
    tried: bool
    cameras: tuple[str, ...]
    notes: tuple[str, ...]
    source: tuple[str, ...]
    models: tuple[str, ...] = ()
    processor: str = ""
    cores: int | None = None
    memory_mb: tuple[int, ...] = ()

    def matches(self, machine: Machine) -> bool:
        """Whether `machine` is this board, or, where no board is named, of this family."""
        if self.models:
            return machine.model.startswith(self.models)
        return (self.architecture, self.int8_dot) == (machine.architecture, machine.int8_dot)


def load_profiles(folder: Path = PROFILES) -> tuple[DeviceProfile, ...]:
    """All profiles, by name. Raises ModelError as `read_profile` does."""
    return tuple(read_profile(path) for path in sorted(folder.glob("*.toml")))


def read_profile(path: Path) -> DeviceProfile:
    """Read one profile, strictly.

    Raises ModelError for text that is no TOML, an unknown or missing key, a wrong type, and a name that is
    not the file's.
    """
    try:
        record = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{path}: expected a device profile in TOML, found {error}; correct the file"
        ) from error
    profile = from_record(DeviceProfile, record, str(path))
    if profile.name != path.stem:
        raise ModelError(
            f"{path}: expected the name '{path.stem}' inside, found '{profile.name}'; rename one"
        )
    return profile


def find_profile(name: str) -> DeviceProfile:
    """The profile called `name`. Raises UsageError naming those there are."""
    profiles = {profile.name: profile for profile in load_profiles()}
    if name not in profiles:
        raise UsageError(f"expected a device of {', '.join(profiles)}, found '{name}'; choose one of these")
    return profiles[name]


def match_profile(machine: Machine) -> DeviceProfile | None:
    """The profile of this machine: its board's, else that of its family of processors, else None."""
    fitting = [profile for profile in load_profiles() if profile.matches(machine)]
    return min(fitting, key=lambda profile: not profile.models, default=None)
