"""Other people's readers load what export wrote: OpenCV here, MediaPipe and OpenVINO where they are installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from edgecls.export.export import ExportResult

pytestmark = pytest.mark.xdist_group("export")

SCRIPT = Path(__file__).parents[2] / "scripts" / "foreign_readers.py"


def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(
    ("reader", "package"), [("opencv", "cv2"), ("openvino", "openvino"), ("mediapipe", "mediapipe")]
)
def test_a_reader_gives_the_bundles_own_answers(exported: ExportResult, reader: str, package: str) -> None:
    if find_spec(package) is None:
        pytest.skip(f"needs {package}")
    done = ask(str(exported.bundle.folder), "--reader", reader)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok " in done.stdout


def test_an_answer_that_differs_is_exit_code_1(exported: ExportResult, tmp_path: Path) -> None:
    changed = tmp_path / "bundle"
    shutil.copytree(exported.bundle.folder, changed)
    with np.load(changed / "golden.npz", allow_pickle=False) as golden:
        arrays = {name: golden[name] for name in golden.files}
    arrays["model.float32.onnx"] = arrays["model.float32.onnx"][:, ::-1]
    np.savez_compressed(changed / "golden.npz", **arrays)
    done = ask(str(changed), "--reader", "opencv")
    assert done.returncode == 1
    assert "FAIL opencv" in done.stdout


def test_what_is_no_bundle_is_one_sentence(tmp_path: Path) -> None:
    done = ask(str(tmp_path))
    assert done.returncode == 2
    assert "expected a bundle (a folder with manifest.json), found none" in done.stderr
