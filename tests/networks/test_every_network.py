"""Every network of the table goes the whole way: trained, exported to int8, verified, run on photos."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgecls.networks.table import NETWORKS
from edgecls.runs import read_run

pytestmark = pytest.mark.networks

PHOTOS = {"blue": 67, "green": 67, "red": 66}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, plant: Callable[..., Path]) -> Path:
    return plant(tmp_path_factory.mktemp("photos") / "tints", PHOTOS)


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What Keras holds of a network, gigabytes of a large one, ends with its test."""
    yield
    if "keras" in sys.modules:
        sys.modules["keras"].utils.clear_session()
    gc.collect()


@pytest.mark.parametrize("name", NETWORKS)
def test_it_trains_exports_verifies_and_runs(
    name: str,
    data: Path,
    tmp_path: Path,
    run_command: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for module in ("keras", "litert_quantizer", "onnxruntime", "tf2onnx"):
        pytest.importorskip(module, reason="needs the train, export and onnx extras")
    monkeypatch.chdir(tmp_path)
    size = str(NETWORKS[name].min_size)
    options = ("--network", name, "--regime", "scratch", "--size", size, "--epochs", "1", "--augment", "0")
    assert run_command("train", str(data), *options) == 0
    # One epoch teaches little, and between guesses int8 may choose otherwise: that is not what is asked here.
    limits = ("--max-drop", "100", "--max-class-drop", "100", "--min-agreement", "0")
    assert run_command("export", "--int8", *limits) == 0
    assert run_command("verify") == 0
    capsys.readouterr()
    assert run_command("run", "--camera", str(data / "blue"), "--json") == 0
    results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    labels = [result["label"] for result in results if result["type"] == "result"]
    assert len(labels) == PHOTOS["blue"]
    assert set(labels) <= set(read_run(next((tmp_path / "runs").iterdir())).labels)
