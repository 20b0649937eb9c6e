"""An emulated aarch64 board with the project's own wheel, made once for all tests of this folder."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NEEDS = {
    "debootstrap": "debootstrap",
    "qemu-system-aarch64": "qemu-system-arm",
    "cpio": "cpio",
    "modprobe": "kmod",
}
LIMIT_S = 300
NOT_BUILT = ("data", "runs", "bundles", "weights", "features", "build", "dist", "tests", "docs")

OnBoard = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a board that has Debian, the wheel of this tree, and a camera."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    absent = [package for program, package in NEEDS.items() if shutil.which(program, path=path) is None]
    if absent or os.geteuid():
        pytest.skip(f"needs root and Debian's {', '.join(absent or NEEDS.values())}")
    folder = tmp_path_factory.mktemp("board")
    tree = folder / "tree"  # building leaves files behind, which would be in the next wheel
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", *NOT_BUILT, "__pycache__", "*.egg-info"))
    build = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(folder / "wheel"),
        str(tree),
    ]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = (folder / "wheel").glob("*.whl")
    make = ["bash", str(HERE / "make_board.sh"), str(folder), str(wheel)]
    subprocess.run(make, check=True, env={**os.environ, "PATH": path, "PYTHON": sys.executable})
    return folder


@pytest.fixture(scope="session")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the board sees as /repo: a folder with a tiny bundle of both formats."""
    folder = tmp_path_factory.mktemp("repo")
    write = runpy.run_path(str(ROOT / "tests" / "data" / "tiny" / "tiny_bundle.py"))["write_tiny_bundle"]
    write(folder / "bundles" / "tiny", formats=("tflite", "onnx"))
    return folder


@pytest.fixture(scope="session")
def on_board(board: Path, repo: Path) -> OnBoard:
    """Runs a shell command on the board, in /repo, and gives its status and what it printed."""

    def run(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", str(HERE / "run_board.sh"), str(board), str(repo), command],
            env={**os.environ, "LIMIT_S": str(LIMIT_S)},
            capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip

    return run
