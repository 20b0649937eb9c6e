"""Ctrl-C keeps the best weights so far, and --resume goes on as if nothing had happened."""

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

import numpy as np
import pytest

from edgecls.errors import EdgeclsError, UsageError
from edgecls.locks import lock_file
from edgecls.photos import DataSet
from edgecls.runs import MODEL, TrainingConfig, read_run
from edgecls.training import batches
from edgecls.training import train as module
from edgecls.training.augment import augment_batch
from edgecls.training.checkpoint import Checkpoint
from edgecls.training.run_folder import REQUEST, choose_folder
from edgecls.training.train import TrainingResult, train

pytest.importorskip("keras", reason="needs Keras, of the train extra")
pytestmark = pytest.mark.xdist_group("training")

Config = Callable[..., TrainingConfig]
Progress = Callable[..., Any]
EDGECLS = [sys.executable, "-c", "from edgecls.cli.app import main; main()"]


def head_training(dataset: DataSet, runs: Path, *, epochs: int) -> list[str]:
    """The command of a training that takes its epochs one by one, quickly."""
    options = ["--network", "enet", "--weights", "none", "--regime", "head", "--size", "32"]
    options += ["--epochs", str(epochs), "--patience", "0", "--batch-size", "8"]
    return ["train", str(dataset.root), *options, "--runs", str(runs)]


def start(command: list[str], folder: Path) -> subprocess.Popen[str]:
    """edgecls in a process of its own; what it says to people can be read."""
    return subprocess.Popen(
        [*EDGECLS, *command],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def lengths(result: TrainingResult) -> set[int]:
    return {len(values) for values in result.record.history.values()}


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({"regime": "head"}, "epochs, head"),
        ({"regime": "head", "dropout": 0.5}, "epochs, head"),
        ({"regime": "scratch", "augment": 1, "batch_size": 8}, "epochs, network"),
        (
            {"regime": "finetune", "unfreeze": "second_conv", "dropout": 0.5, "keep": "last"},
            "epochs, network",
        ),
    ],
)
def test_an_interrupted_run_keeps_its_best_and_resumed_equals_an_unbroken_one(
    tmp_path: Path,
    dataset: DataSet,
    config: Config,
    progress: Progress,
    changes: dict[str, object],
    step: str,
) -> None:
    asked = config(epochs=5, **changes)
    broken = train(dataset, asked, runs=tmp_path / "runs", progress=progress(step, 2))
    assert broken.record.status == "interrupted"
    assert lengths(broken) == {2}
    assert (broken.folder / MODEL).is_file()
    accuracies = np.array(broken.record.history["val_accuracy"], float)
    assert broken.record.best_epoch in (1, 2)
    assert accuracies[broken.record.best_epoch - 1] == accuracies.max()

    resumed = train(dataset, asked, runs=tmp_path / "runs", resume=True, progress=progress())
    assert resumed.folder == broken.folder
    assert (resumed.record.status, lengths(resumed)) == ("complete", {5})
    unbroken = train(dataset, asked, runs=tmp_path / "others", progress=progress())
    for key, values in unbroken.record.history.items():
        assert resumed.record.history[key] == pytest.approx(values, rel=2e-3, abs=1e-5), key
    assert not (resumed.folder / "checkpoint").exists()


def test_ctrl_c_in_the_middle_of_an_epoch_keeps_the_weights_of_the_epoch_before(
    tmp_path: Path,
    dataset: DataSet,
    config: Config,
    progress: Progress,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[int] = []

    def press(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 9:  # six batches an epoch: in the middle of the second
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)
        return augment_batch(*arguments, **options)

    monkeypatch.setattr(batches, "augment_batch", press)
    asked = config(regime="scratch", augment=1, epochs=4, batch_size=8)
    broken = train(dataset, asked, runs=tmp_path / "runs", progress=progress())
    assert (broken.record.status, lengths(broken)) == ("interrupted", {1})
    resumed = train(dataset, asked, runs=tmp_path / "runs", resume=True, progress=progress())
    assert (resumed.record.status, lengths(resumed)) == ("complete", {4})


def test_ctrl_c_before_the_first_epoch_ends_still_leaves_a_run_to_resume(
    tmp_path: Path, dataset: DataSet, config: Config, progress: Progress
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(dataset, config(), runs=tmp_path, progress=progress("features, training photos", 16))
    resumed = train(dataset, config(), runs=tmp_path, resume=True, progress=progress())
    assert (resumed.record.status, lengths(resumed)) == ("complete", {2})


def test_ctrl_c_before_the_first_epoch_ends_leaves_no_run(
    tmp_path: Path,
    dataset: DataSet,
    config: Config,
    progress: Progress,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def press(*arguments: Any, **options: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
        return augment_batch(*arguments, **options)

    monkeypatch.setattr(batches, "augment_batch", press)
    asked = config(regime="scratch", augment=1, epochs=2, batch_size=8)
    with pytest.raises(KeyboardInterrupt):
        train(dataset, asked, runs=tmp_path, progress=progress())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("error:Skipping variable loading")
def test_ctrl_c_in_the_first_of_two_stages_leaves_the_second_for_later(
    tmp_path: Path, dataset: DataSet, config: Config, progress: Progress
) -> None:
    asked = config(regime="two-stage", epochs=3)
    broken = train(dataset, asked, runs=tmp_path, progress=progress("epochs, head", 1))
    assert (broken.record.status, lengths(broken)) == ("interrupted", {1})
    again = train(dataset, asked, runs=tmp_path, resume=True, progress=progress("epochs, network", 2))
    assert (again.record.status, lengths(again)) == ("interrupted", {5})
    resumed = train(dataset, asked, runs=tmp_path, resume=True, progress=progress())
    assert (resumed.record.status, lengths(resumed)) == ("complete", {6})
    assert resumed.record.best_epoch > 3


def test_nothing_to_resume_is_wrong_use(
    tmp_path: Path, dataset: DataSet, config: Config, progress: Progress
) -> None:
    train(dataset, config(epochs=3), runs=tmp_path, progress=progress("epochs, head", 1))
    with pytest.raises(UsageError, match="--resume: found no interrupted run of the same data and options"):
        train(dataset, config(epochs=4), runs=tmp_path, resume=True, progress=progress())


def test_a_real_ctrl_c_to_the_command_ends_with_130_and_resume_finishes(
    tmp_path: Path,
    dataset: DataSet,
    run_command: Callable[..., int],
    capfd: pytest.CaptureFixture[str],
) -> None:
    command = head_training(dataset, tmp_path / "runs", epochs=20)
    process = start(command, tmp_path)
    wait_for(lambda: list(tmp_path.glob("runs/*/checkpoint/head/state.json")), process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=180)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert "stopped by Ctrl-C" in said
    assert "--resume" in said
    (folder,) = (tmp_path / "runs").iterdir()
    record = read_run(folder)
    done = len(record.history["loss"])
    assert record.status == "interrupted"
    assert 1 <= done < 20
    capfd.readouterr()
    assert run_command(*command, "--resume", "--json") == 0
    found = json.loads(capfd.readouterr().out)
    assert (found["status"], len(found["history"]["loss"])) == ("complete", 20)
    assert np.allclose(found["history"]["loss"][:done], np.array(record.history["loss"], float))


def test_a_second_training_in_the_folder_of_one_is_refused_until_that_one_is_killed(
    tmp_path: Path,
    dataset: DataSet,
    run_command: Callable[..., int],
    capfd: pytest.CaptureFixture[str],
) -> None:
    command = [*head_training(dataset, tmp_path / "runs", epochs=4000), "--name", "mine"]
    first = start(command, tmp_path)
    folder = tmp_path / "runs" / "mine"
    try:
        wait_for((folder / "checkpoint/head/state.json").is_file, first)
        for further in ("--resume", "--force"):
            assert run_command(*command, further) == 1
            said = capfd.readouterr().err
            assert f"{folder}: another `edgecls train` is at work there; wait until it has ended" in said
            assert "Traceback" not in said
        assert first.poll() is None
    finally:
        first.kill()
        first.communicate()
    assert lock_file(folder).exists()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoint, "save", interrupt)
        assert run_command(*command, "--resume") == 130
    assert not lock_file(folder).exists()
    assert read_run(folder).status == "interrupted"


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_run_that_was_finished_meanwhile_is_not_gone_on_with(
    tmp_path: Path, dataset: DataSet, config: Config, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = config(epochs=3)
    broken = train(dataset, asked, runs=tmp_path, progress=progress("epochs, head", 1))

    def meanwhile(*arguments: Any, **options: Any) -> Path:
        """The other training ends between our choice of the folder and our lock."""
        with monkeypatch.context() as patch:
            patch.setattr(module, "choose_folder", choose_folder)
            train(dataset, asked, runs=tmp_path, resume=True, progress=progress())
        return broken.folder

    monkeypatch.setattr(module, "choose_folder", meanwhile)
    with pytest.raises(EdgeclsError, match="was finished by another training meanwhile; repeat the command"):
        train(dataset, asked, runs=tmp_path, resume=True, progress=progress())
    assert read_run(broken.folder).status == "complete"


def test_a_run_interrupted_under_another_layout_of_the_checkpoint_is_not_gone_on_with(
    tmp_path: Path, dataset: DataSet, config: Config, progress: Progress
) -> None:
    broken = train(dataset, config(epochs=3), runs=tmp_path, progress=progress("epochs, head", 1))
    request = broken.folder / REQUEST
    old = {key: value for key, value in json.loads(request.read_text()).items() if key != "layout"}
    request.write_text(json.dumps(old))
    words = (
        f"--resume: {broken.folder} was interrupted under another version of edgecls, .*; train again without"
    )
    with pytest.raises(UsageError, match=words):
        train(dataset, config(epochs=3), runs=tmp_path, resume=True, progress=progress())


def wait_for(condition: Callable[[], object], process: subprocess.Popen[str], limit_s: float = 180) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
