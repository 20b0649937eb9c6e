"""`edgecls study` as a user has it: trains what is not done, goes on after Ctrl-C and kill, and says what failed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("keras", reason="needs Keras, of the train extra")
pytestmark = pytest.mark.xdist_group("training")

EDGECLS = [sys.executable, "-c", "from edgecls.cli.app import main; main()"]
STUDY = """
title = "Tints"
document = "none"
question = "Does it run?"

[options]
size = 32
epochs = {epochs}
patience = 0
batch_size = 8
weights = "none"

[regimes.frozen]
regime = "head"

[regimes.scratch]
regime = "scratch"
epochs = {scratch}

[data.tints]
path = "photos"

[data.absent]

[[grid]]
networks = ["lenet"]
regimes = ["frozen", "scratch"]
data = ["tints"]

[[grid]]
networks = ["lenet"]
regimes = ["frozen"]
data = ["absent"]

[budgets.quick]
photos = {{ train = 30, test = 12 }}
grid_data = ["tints"]

[budgets.full]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, plant: Callable[..., Path]) -> Path:
    """A folder with a study and its photos."""
    folder = tmp_path_factory.mktemp("study")
    plant(folder / "photos", {"blue": 30, "green": 30, "red": 30})
    write_study(folder, epochs=2, scratch=2)
    return folder


def write_study(folder: Path, *, epochs: int, scratch: int) -> None:
    (folder / "tints.toml").write_text(STUDY.format(epochs=epochs, scratch=scratch))


def start(place: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*EDGECLS, "study", *arguments],
        cwd=place,
        env={**os.environ, "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def run(place: Path, *arguments: str) -> tuple[int, str, str]:
    process = start(place, *arguments)
    stdout, stderr = process.communicate(timeout=400)
    assert "Traceback" not in stderr, stderr
    return process.returncode, stdout, stderr


def results(folder: Path) -> dict[str, Any]:
    """The results of cells by regime."""
    found = [json.loads(path.read_text()) for path in (folder / "cells").glob("*.json")]
    return {result["name"]["regime"]: result for result in found}


def test_a_study_is_trained_once_and_then_only_what_changed(place: Path) -> None:
    pytest.importorskip("litert_quantizer", reason="needs the export extra")
    code, told, said = run(place, "tints.toml")
    assert code == 0, said
    folder = place / "runs" / "studies" / "tints-quick"
    assert "2 cells, 2 to train" in said
    assert "lenet frozen" in told
    study = json.loads((folder / "study.json").read_text())
    (latency,) = study["latencies"]
    assert latency["float_ms"] > 0
    assert latency["int8_ms"] > 0
    assert latency["int8_top1"]["n"] == 12
    assert (folder / "report.html").is_file()
    first = results(folder)
    assert len((folder / "table.csv").read_text().splitlines()) == 3

    write_study(place, epochs=2, scratch=3)
    code, told, said = run(place, "tints.toml", "--json")
    assert code == 0, said
    assert "2 cells, 1 to train" in said
    again = json.loads(told)
    assert [len(cell["history"]["loss"]) for cell in again["cells"]] == [2, 3]
    assert again["cells"][0] == first["frozen"]
    assert again["latencies"] == study["latencies"]

    code, told, said = run(place, "tints.toml", "--dry-run")
    assert code == 0
    assert told.count("done") == 2
    assert "0 cells to train" in said

    (made,) = folder.glob("models/*/made.json")
    record = json.loads(made.read_text())
    made.write_text(json.dumps(record | {"of another version": 1}))
    code, told, said = run(place, "tints.toml", "--json")
    assert code == 0, said
    assert json.loads(told)["notes"] == []
    assert json.loads(made.read_text()).keys() == record.keys()


def test_a_data_set_that_is_absent_fails_its_cells_alone(place: Path) -> None:
    write_study(place, epochs=2, scratch=2)
    code, told, said = run(
        place, "tints.toml", "--budget", "full", "--jobs", "2", "--no-latency", "--out", "full"
    )
    assert code == 1
    assert "data/absent: expected the photos of data set 'absent', found no folder; put them there" in said
    assert "1 of 3 cells failed" in said
    assert set(results(place / "full")) == {"frozen", "scratch"}
    assert "lenet scratch" in told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_study_that_was_stopped_goes_on_where_it_was(place: Path, number: signal.Signals) -> None:
    write_study(place, epochs=2, scratch=60)
    out = place / number.name
    process = start(place, "tints.toml", "--no-latency", "--out", str(out))
    wait_for(lambda: list(out.glob("runs/*/checkpoint/network/state.json")), process)
    before = results(out)
    assert set(before) == {"frozen"}
    children = children_of(process.pid)
    assert children
    process.send_signal(number)
    _, said = process.communicate(timeout=120)
    assert "Traceback" not in said
    if number is signal.SIGINT:
        assert process.returncode == 130
        assert "finished cells are kept" in said
    wait_for(lambda: not any(Path(f"/proc/{pid}/environ").exists() for pid in children), None)
    (state,) = out.glob("runs/*/checkpoint/network/state.json")
    done = json.loads(state.read_text())["epochs"]
    assert 1 <= done < 60

    code, _, said = run(place, "tints.toml", "--no-latency", "--out", str(out))
    assert code == 0, said
    assert "2 cells, 1 to train" in said
    after = results(out)
    assert after["frozen"] == before["frozen"]
    assert len(after["scratch"]["history"]["loss"]) == 60


def test_a_network_that_the_pictures_are_too_small_for_fails_its_cells_alone(place: Path) -> None:
    text = STUDY.format(epochs=2, scratch=2).replace('["lenet"]', '["lenet", "alexnet"]', 1)
    (place / "small.toml").write_text(text)
    code, told, said = run(place, "small.toml", "--no-latency")
    assert code == 1
    assert "network alexnet, regime frozen, data tints: alexnet needs pictures of at least 63x63" in said
    assert "2 of 4 cells failed" in said
    assert "lenet scratch" in told


def test_ctrl_c_under_force_says_to_go_on_without_it(place: Path) -> None:
    write_study(place, epochs=2, scratch=60)
    out = place / "forced"
    process = start(place, "tints.toml", "--no-latency", "--force", "--out", str(out))
    wait_for(lambda: list(out.glob("runs/*/checkpoint/network/state.json")), process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "go on with the same command without --force" in said
    (run_folder,) = [path.parent for path in out.glob("runs/*/request.json")]
    assert json.loads((run_folder / "run.json").read_text())["status"] == "interrupted"
    assert not (out / "failures").exists()


def test_a_mistake_in_the_file_is_wrong_use_before_anything_is_trained(place: Path) -> None:
    (place / "bad.toml").write_text(STUDY.format(epochs=2, scratch=2).replace("batch_size", "batchsize"))
    code, _, said = run(place, "bad.toml")
    assert code == 2
    assert "[options]: expected keys of" in said
    assert "found 'batchsize'" in said
    assert not (place / "runs" / "studies" / "bad-quick").exists()


def children_of(pid: int) -> list[int]:
    """The processes that a process started and that still run."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in found.split()]


def wait_for(
    condition: Callable[[], object], process: subprocess.Popen[str] | None, limit_s: float = 240
) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
