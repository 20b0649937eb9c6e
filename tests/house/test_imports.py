"""The arrow of imports: every room may use only the rooms before it, and the device side nothing heavy."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# ground floor <- devices <- runtime <- calibration <- export <- roof
GROUND, DEVICES, RUNTIME, CALIBRATION, EXPORT, ROOF = range(6)
ROOMS = {"devices": DEVICES, "runtime": RUNTIME, "calibration": CALIBRATION, "export": EXPORT}
WORKSTATION_ONLY = frozenset(
    {"tensorflow", "keras", "onnx", "matplotlib", "jinja2", "litert_quantizer", "pyarrow", "tf2onnx"}
)


@dataclass(frozen=True)
class Import:
    """One import statement: the module named, its level (0 = absolute) and its line."""

    module: str
    level: int
    line: int


def imports_of(source: str) -> Iterator[Import]:
    """Every import of a file, those inside functions too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, 0, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from _imports_from(node)


def _imports_from(node: ast.ImportFrom) -> Iterator[Import]:
    base = node.module or ""
    yield Import(base, node.level, node.lineno)
    # `from edgecls import runtime` names a room only in its aliases.
    yield from (Import(f"{base}.{alias.name}", node.level, node.lineno) for alias in node.names)


def room_of_module(module: str) -> int | None:
    """The room an imported name of edgecls lies in; None for other packages."""
    parts = module.split(".")
    if parts[0] != "edgecls":
        return None
    if len(parts) == 1:
        return GROUND
    if parts[1] in ROOMS:
        return ROOMS[parts[1]]
    return ROOF if (ROOT / "edgecls" / parts[1]).is_dir() else GROUND


def room_of_file(path: Path) -> int:
    """The room a source file, relative to the root, lies in."""
    if path.parts[0] == "edgecls":
        return ROOF if len(path.parts) > 2 or path.name == "__main__.py" else GROUND
    return ROOMS[path.parts[0]]


def source_files() -> list[Path]:
    folders = ["edgecls", *ROOMS]
    return [path.relative_to(ROOT) for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def faults(path: Path, source: str) -> list[str]:
    """What is wrong with the imports of one file."""
    room = room_of_file(path)
    found = []
    for item in imports_of(source):
        target = room_of_module(item.module)
        if item.level:
            found.append(f"{path}:{item.line} imports relatively")
        elif target is not None and target > room:
            found.append(f"{path}:{item.line} imports {item.module}, a later room")
        elif room <= RUNTIME and item.module.split(".")[0] in WORKSTATION_ONLY:
            found.append(f"{path}:{item.line} imports {item.module} on the device side")
    return found


@pytest.mark.parametrize("path", source_files(), ids=str)
def test_a_file_imports_only_rooms_before_its_own_and_nothing_heavy_on_the_device_side(path: Path) -> None:
    assert faults(path, (ROOT / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("edgecls/labels.py", "from edgecls.runtime.engine import open_engine"),
        ("edgecls/labels.py", "def f():\n    import edgecls.devices.detect"),
        ("edgecls/labels.py", "from edgecls import runtime"),
        ("edgecls/labels.py", "import edgecls.cli.app"),
        ("devices/detect.py", "from edgecls.runtime import engine"),
        ("runtime/engine.py", "def f():\n    import tensorflow as tf"),
        ("runtime/engine.py", "from keras.layers import Dense"),
        ("runtime/engine.py", "from . import litert"),
        ("calibration/ranges.py", "from edgecls.export.tflite import convert"),
        ("export/tflite.py", "from edgecls.training.run import Run"),
    ],
)
def test_the_arrow_catches(path: str, source: str) -> None:
    assert faults(Path(path), source)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("runtime/engine.py", "from edgecls.devices import detect\nfrom edgecls.labels import Labels"),
        ("runtime/onnx.py", "import onnxruntime"),
        ("export/tflite.py", "import tensorflow\nfrom edgecls.calibration import ranges"),
        ("edgecls/cli/run.py", "from edgecls.runtime.engine import open_engine"),
    ],
)
def test_the_arrow_allows(path: str, source: str) -> None:
    assert faults(Path(path), source) == []
