"""Every network of the table goes the whole way: trained, exported to int8, verified, run on photos.

Each command is a process of its own, as a user has it: what Keras holds of a large network, gigabytes, ends with it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgecls.networks.table import NETWORKS
from edgecls.runs import read_run

pytestmark = pytest.mark.networks

PHOTOS = {"blue": 67, "green": 67, "red": 66}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, plant: Callable[..., Path]) -> Path:
    return plant(tmp_path_factory.mktemp("photos") / "tints", PHOTOS)


def edgecls(folder: Path, *arguments: str) -> str:
    """What `edgecls ARGUMENTS` printed to stdout in that folder."""
    command = [sys.executable, "-c", "from edgecls.cli.app import main; main()", *arguments]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=1800, check=False
    )
    assert done.returncode == 0, f"edgecls {arguments[0]}: {done.stderr}"
    return done.stdout


@pytest.mark.parametrize("name", NETWORKS)
def test_it_trains_exports_verifies_and_runs(name: str, data: Path, tmp_path: Path) -> None:
    for module in ("keras", "litert_quantizer", "onnxruntime", "tf2onnx"):
        pytest.importorskip(module, reason="needs the train, export and onnx extras")
    size = str(NETWORKS[name].min_size)
    options = ("--network", name, "--regime", "scratch", "--size", size, "--epochs", "1", "--augment", "0")
    edgecls(tmp_path, "train", str(data), *options)
    # One epoch teaches little, and between guesses int8 may choose otherwise: that is not what is asked here.
    limits = ("--max-drop", "100", "--max-class-drop", "100", "--min-agreement", "0")
    edgecls(tmp_path, "export", "--int8", *limits)
    edgecls(tmp_path, "verify")
    printed = edgecls(tmp_path, "run", "--camera", str(data / "blue"), "--json")
    results = [json.loads(line) for line in printed.splitlines()]
    labels = [result["label"] for result in results if result["type"] == "result"]
    assert len(labels) == PHOTOS["blue"]
    assert set(labels) <= set(read_run(next((tmp_path / "runs").iterdir())).labels)
