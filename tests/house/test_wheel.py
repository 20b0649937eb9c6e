"""The wheel: what is installed holds every module and data file of the tree, and works from another place."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("edgecls", "devices", "runtime", "calibration", "export")

# One worker builds; the others need not.
pytestmark = pytest.mark.xdist_group("wheel")

IMPORT_ALL = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
wrong = {}
for name in sys.argv[2:]:
    try:
        file = importlib.import_module(name).__file__ or ""
        if not file.startswith(sys.argv[1]):
            wrong[name] = "came from " + file
    except Exception as error:
        wrong[name] = type(error).__name__ + ": " + str(error)
print(json.dumps(wrong))
"""


def tree_files(*patterns: str) -> list[Path]:
    """Files of the rooms, relative to the root, without caches and hidden files."""
    found = {
        path.relative_to(ROOT)
        for room in ROOMS
        for pattern in patterns
        for path in (ROOT / room).rglob(pattern)
    }
    return sorted(path for path in found if (ROOT / path).is_file() and not _is_clutter(path))


def _is_clutter(path: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def installed_path(path: Path) -> str:
    """Where a file of the tree lies in the wheel: the top-level rooms move below edgecls/."""
    return path.as_posix() if path.parts[0] == "edgecls" else f"edgecls/{path.as_posix()}"


def module_of(path: Path) -> str:
    return installed_path(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _can_build() -> bool:
    try:
        return (
            int(version("setuptools").split(".")[0]) >= 77 and importlib.util.find_spec("build") is not None
        )
    except PackageNotFoundError:
        return False


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a copy of the tree, unpacked. Nothing is fetched."""
    if not _can_build():
        pytest.skip("needs build and setuptools 77 or newer, which the dev extra brings")
    place = tmp_path_factory.mktemp("wheel")
    copy = place / "tree"
    for room in ROOMS:
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, copy / name)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(place), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = place.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place / "site")
    return place / "site"


def test_every_module_of_the_tree_travels_and_imports_from_the_wheel(unpacked: Path) -> None:
    modules = [module_of(path) for path in tree_files("*.py")]
    assert "edgecls.runtime.engine" in modules
    command = [sys.executable, "-c", IMPORT_ALL, str(unpacked), *modules]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180, cwd=unpacked)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {}


def test_profiles_templates_and_the_typing_marker_travel(unpacked: Path) -> None:
    data = tree_files("profiles/*.toml", "templates/*", "py.typed")
    assert "edgecls/devices/profiles/raspberry-pi-5.toml" in {installed_path(path) for path in data}
    assert "edgecls/py.typed" in {installed_path(path) for path in data}
    assert [path for path in map(installed_path, data) if not (unpacked / path).is_file()] == []


def test_no_other_file_of_the_rooms_is_left_behind(unpacked: Path) -> None:
    files = [installed_path(path) for path in tree_files("*")]
    assert [path for path in files if not (unpacked / path).is_file()] == []


def test_nothing_but_edgecls_is_installed(unpacked: Path) -> None:
    assert {re.sub(r"-.*dist-info", " metadata", path.name) for path in unpacked.iterdir()} == {
        "edgecls",
        "edgecls metadata",
    }


def test_the_wheel_carries_its_licence_and_its_command(unpacked: Path) -> None:
    (metadata,) = unpacked.glob("*.dist-info")
    assert "edgecls = edgecls.cli.app:main" in (metadata / "entry_points.txt").read_text()
    assert list(metadata.rglob("LICENSE"))
