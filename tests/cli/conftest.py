"""The command line as a user has it: a process of its own, in a folder of its own, with a tiny bundle."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

TINY = Path(__file__).parents[1] / "data" / "tiny"
EDGECLS = [sys.executable, "-c", "from edgecls.cli.app import main; main()"]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def edgecls_command() -> list[str]:
    """The program, to be followed by its arguments."""
    return EDGECLS


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """A folder with bundles/tiny and photos of the three colours: photos/a/1.png is red."""
    write = runpy.run_path(str(TINY / "tiny_bundle.py"))["write_tiny_bundle"]
    write(tmp_path / "bundles" / "tiny")
    for name, channel in (("b/2.png", 1), ("a/1.png", 2), ("b/ä 10.png", 0)):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = np.full((24, 32, 3), 20, np.uint8)
        picture[:, :, channel] = 230
        path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    return tmp_path


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment without what would change where bundles are looked for or how wide tables are."""
    kept = {key: value for key, value in os.environ.items() if key != "EDGECLS_BUNDLE"}
    return {**kept, "COLUMNS": "200", "PYTHONIOENCODING": "utf-8", "XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.fixture
def edgecls(workplace: Path, environment: dict[str, str]) -> Run:
    """Runs `edgecls ARGUMENTS` in the workplace and gives the ended process with its texts."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*EDGECLS, *arguments],
            cwd=workplace,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def start_edgecls(workplace: Path, environment: dict[str, str]) -> Callable[..., subprocess.Popen[str]]:
    """Starts `edgecls ARGUMENTS` in the workplace and gives the running process."""

    def start(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*EDGECLS, *arguments],
            cwd=workplace,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    return start
