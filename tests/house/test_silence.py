"""Nothing about a run leaves the machine, and no library leaves its own files behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def test_onnx_runtime_keeps_no_record_of_its_use(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="needs the extra 'onnx'")
    environment = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    loads = "import edgecls.runtime.onnx as engine; engine.session_options(threads=1, arithmetic='native')"
    subprocess.run([sys.executable, "-c", loads], check=True, env=environment)
    assert [path.name for path in tmp_path.rglob("*")] == []
