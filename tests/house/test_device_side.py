"""The device side alone: every module of it imports where the workstation's packages do not exist."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCKED = ("tensorflow", "keras", "onnx", "matplotlib")

BLOCKER = f"""
import importlib, importlib.abc, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {BLOCKED!r}:
            raise ModuleNotFoundError(f"blocked: {{name}}", name=name)
        return None

sys.meta_path.insert(0, Absent())
for module in sys.argv[1:]:
    importlib.import_module(module)
"""


def device_side_modules() -> list[str]:
    ground = [
        f"edgecls.{path.stem}" for path in sorted((ROOT / "edgecls").glob("*.py")) if path.stem != "__init__"
    ]
    rooms = [
        ".".join(["edgecls", *path.relative_to(ROOT).with_suffix("").parts])
        for room in ("devices", "runtime")
        for path in sorted((ROOT / room).rglob("*.py"))
        if path.stem != "__init__"
    ]
    return ground + rooms


def import_blocked(*modules: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BLOCKER, *modules], capture_output=True, text=True, check=False, timeout=120
    )


def test_the_device_side_imports_without_tensorflow_keras_onnx_and_matplotlib() -> None:
    modules = device_side_modules()
    assert "edgecls.runtime.engine" in modules
    done = import_blocked(*modules)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", BLOCKED)
def test_the_blocked_packages_are_really_blocked(package: str) -> None:
    done = import_blocked(package)
    assert done.returncode != 0
    assert f"blocked: {package}" in done.stderr
