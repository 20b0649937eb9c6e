"""Public text: what goes out with the repository names no machine's paths and no package host."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Written in two parts, so that this file does not hold what it looks for.
HOSTS = ("pypi" + ".org", "python" + "hosted", "registry" + ".npmjs", "deb" + ".debian" + ".org")
PATHS = ("/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/")
FORBIDDEN = re.compile(
    "|".join([*(re.escape(host) for host in HOSTS), *(r"(?<![\w.~}])" + p for p in PATHS)])
)


def tracked_text_files() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode != 0:
        pytest.skip("needs a git checkout: git ls-files does not work here")
    names = [name for name in listing.stdout.split("\0") if name]
    return [
        path for name in names if (path := ROOT / name).is_file() and not path.is_symlink() and _is_text(path)
    ]


def _is_text(path: Path) -> bool:
    return b"\0" not in path.read_bytes()[:8000]


def found_in(text: str) -> list[str]:
    """The lines of a text that hold a forbidden name, with their numbers."""
    return [
        f"{i}: {line.strip()[:120]}" for i, line in enumerate(text.splitlines(), 1) if FORBIDDEN.search(line)
    ]


def test_no_file_names_a_machines_paths_or_a_package_host() -> None:
    files = tracked_text_files()
    assert ROOT / "pyproject.toml" in files
    found = {
        str(path.relative_to(ROOT)): found_in(path.read_text("utf-8", errors="replace")) for path in files
    }
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize("text", [*HOSTS, *(f'"{path}x"' for path in PATHS)])
def test_a_forbidden_name_is_found(text: str) -> None:
    assert found_in(f"see {text}") != []


@pytest.mark.parametrize("text", ["docs/wo" + "rk/x", "~/ho" + "me/x", "$HOME/x", "https://example.com/a"])
def test_a_relative_path_is_no_fault(text: str) -> None:
    assert found_in(text) == []
