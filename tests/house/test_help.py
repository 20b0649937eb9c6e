"""Help is light: no verb loads numpy, OpenCV, a framework or an engine before it has work to do."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

CLI = Path(__file__).parents[2] / "edgecls" / "cli"
HEAVY = ("numpy", "cv2", "tensorflow", "keras", "onnxruntime", "onnx", "ai_edge_litert", "tflite_runtime")

# The exit code of help is 0; what was loaded is read after it, in the same process.
PROGRAM = f"""
import sys
from edgecls.cli.app import main
sys.argv[0] = "edgecls"
try:
    main()
except SystemExit as stop:
    loaded = [name for name in {HEAVY!r} if name in sys.modules]
    print(f"code {{stop.code or 0}} loaded {{loaded}}", file=sys.stderr)
"""


def verbs() -> list[str]:
    """VERBS of the command line, read without importing it: a verb may still be missing."""
    for node in ast.parse((CLI / "app.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "VERBS":
            return list(ast.literal_eval(node.value))
    raise AssertionError("edgecls/cli/app.py defines no VERBS")


def run_edgecls(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def test_help_names_every_verb_and_loads_nothing_heavy() -> None:
    done = run_edgecls("--help")
    assert "code 0 loaded []" in done.stderr, done.stderr
    assert [verb for verb in verbs() if verb not in done.stdout] == []


@pytest.mark.parametrize("verb", verbs())
def test_help_of_a_verb_loads_nothing_heavy(verb: str) -> None:
    done = run_edgecls(verb, "--help")
    assert "code 0 loaded []" in done.stderr, done.stderr
    assert "Usage" in done.stdout


def test_every_verb_has_its_file_and_every_file_its_verb() -> None:
    shared = {"__init__", "app", "console"}
    with_command = {
        path.stem for path in CLI.glob("*.py") if "\ndef command(" in path.read_text(encoding="utf-8")
    }
    assert set(verbs()) == with_command - shared


def test_heavy_modules_would_be_seen() -> None:
    program = PROGRAM.replace("import sys\n", "import sys\nimport numpy\n", 1)
    done = subprocess.run(
        [sys.executable, "-c", program, "--version"], capture_output=True, text=True, check=False, timeout=60
    )
    assert "'numpy'" in done.stderr
