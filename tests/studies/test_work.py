"""A group's cells are trained one after the other: what fails, fails alone; what is done, is found again."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.networks.network import Network
from edgecls.runs import MODEL, SCORES, TrainingConfig
from edgecls.studies.photos import open_limited
from edgecls.studies.planning import Cell, cell_key
from edgecls.studies.result import CellName, CellResult
from edgecls.studies.work import Group, KeyedCell, Step, train_cells
from edgecls.training import features
from edgecls.training.backend import import_keras, training_versions
from edgecls.training.options import TrainingOptions, make_config

pytest.importorskip("keras", reason="needs Keras, of the train extra")
pytestmark = [pytest.mark.xdist_group("training"), pytest.mark.usefixtures("small_network")]

LIMITS = {"train": 30, "test": 12}


def configured(**options: Any) -> TrainingConfig:
    given: dict[str, Any] = {
        "network": "small",
        "regime": "head",
        "epochs": 2,
        "patience": 0,
        "batch_size": 16,
    }
    return make_config(TrainingOptions(**(given | options)))


def group_of(folder: Path, tints: Path, *configs: TrainingConfig) -> Group:
    digest = open_limited("tints", tints, LIMITS).digest
    versions = training_versions(import_keras())
    keyed = tuple(
        KeyedCell(
            Cell(CellName("tints", config.network, f"r{i}", config.seed), config, tints),
            cell_key(config, digest, versions),
        )
        for i, config in enumerate(configs)
    )
    return Group(keyed, LIMITS, digest, folder, versions)


def trained(group: Group, send: Callable[[Any], None] = lambda step: None) -> list[CellResult]:
    group.folder.mkdir(exist_ok=True)
    return list(train_cells(group, send))


def test_a_cell_s_result_holds_its_figures_and_its_predictions(tmp_path: Path, tints: Path) -> None:
    steps: list[Step] = []
    group = group_of(tmp_path, tints, configured(epochs=20, learning_rate=0.01))
    (cell,) = trained(group, steps.append)
    assert cell.failure is None
    assert cell.photos is not None
    assert (cell.photos["train"], cell.photos["test"]) == (30, 12)
    assert cell.test is not None
    assert cell.test.value > 0.5
    assert cell.predictions is not None
    hits = sum(t == p for t, p in zip(cell.predictions.truth, cell.predictions.predicted, strict=True))
    assert hits / 12 == cell.test.value
    assert cell.weighted_f1 == pytest.approx(np.mean([c.f1 for c in cell.classes]))  # as many photos each
    # two convolutions 3x3 of 8 and 12 channels on 16x16 and 8x8, and a dense layer to three classes
    assert cell.multiply_adds == 16 * 16 * 8 * 27 + 8 * 8 * 12 * 72 + 12 * 3
    assert {step.description for step in steps} >= {"train photos", "epochs, head"}
    assert {step.key for step in steps} == {cell.key}


def test_cells_of_every_regime_and_seed_see_the_same_test_photos(tmp_path: Path, tints: Path) -> None:
    configs = configured(), configured(seed=1), configured(regime="scratch")
    cells = trained(group_of(tmp_path, tints, *configs))
    digests = [set(cell.predictions.digests) for cell in cells if cell.predictions]
    assert len(digests) == 3
    assert digests[0] == digests[1] == digests[2]


def test_a_frozen_network_sees_each_photo_once_in_a_study(
    tmp_path: Path, tints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    compute = features._compute

    def count(model: Any, loaded: Any, chosen: list[int], **rest: Any) -> Any:
        seen.append(len(chosen))
        return compute(model, loaded, chosen, **rest)

    monkeypatch.setattr(features, "_compute", count)
    trained(group_of(tmp_path, tints, configured(), configured(seed=1), configured(epochs=3)))
    whole = open_limited("tints", tints, LIMITS)
    assert sum(seen) == len(whole.train) + len(whole.validation) + len(whole.test)
    trained(group_of(tmp_path, tints, configured(learning_rate=0.1)))
    assert sum(seen) == len(whole.train) + len(whole.validation) + len(whole.test)


def test_one_cell_s_failure_is_a_sentence_and_the_next_follows(tmp_path: Path, tints: Path) -> None:
    absent = configured(weights=str(tmp_path / "none.weights.h5"))
    bad, good = trained(group_of(tmp_path, tints, absent, configured()))
    assert "none.weights.h5" in str(bad.failure)
    assert bad.test is None
    assert good.failure is None


def test_a_foreign_fault_is_a_sentence_too_and_keeps_its_traceback(
    tmp_path: Path, tints: Path, monkeypatch: pytest.MonkeyPatch, small_network: Network
) -> None:
    def body(x: Any, width: float) -> Any:
        raise MemoryError("no more")

    monkeypatch.setattr("edgecls.networks.table.NETWORKS", {"small": replace(small_network, body=body)})
    (cell,) = trained(group_of(tmp_path, tints, configured()))
    assert str(cell.failure).startswith("the memory was not enough (no more)")
    (trace,) = (tmp_path / "failures").iterdir()
    assert "Traceback" in trace.read_text()


def test_photos_that_changed_meanwhile_fail_the_cell(tmp_path: Path, tints: Path) -> None:
    (cell,) = trained(replace(group_of(tmp_path, tints, configured()), digest="another"))
    assert "the photos changed while the study ran" in str(cell.failure)


def test_a_cell_whose_result_was_lost_is_found_in_its_run(tmp_path: Path, tints: Path) -> None:
    group = group_of(tmp_path, tints, configured())
    (first,) = trained(group)
    (again,) = trained(group)
    assert again == first
    (run,) = (tmp_path / "runs").iterdir()
    assert (run / SCORES).is_file()


@pytest.mark.parametrize("gone", [MODEL, SCORES])
def test_a_complete_run_that_lost_a_file_is_trained_again(tmp_path: Path, tints: Path, gone: str) -> None:
    group = group_of(tmp_path, tints, configured())
    (first,) = trained(group)
    (tmp_path / first.run / gone).unlink()
    (again,) = trained(group)
    assert again.failure is None
    assert again.predictions == first.predictions
    assert (tmp_path / first.run / gone).is_file()


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_a_cell_that_was_cut_short_goes_on_with_its_run(tmp_path: Path, tints: Path, how: str) -> None:
    """Ctrl-C lets train() write its interrupted run; a killed process leaves the checkpoint alone."""
    group = group_of(tmp_path, tints, configured(epochs=8))

    def press(step: Step) -> None:
        if step.description == "epochs, head" and step.done >= 3:
            raise (KeyboardInterrupt if how == "stopped" else SystemExit)

    with pytest.raises((KeyboardInterrupt, SystemExit)):
        trained(group, press)
    epochs: list[int] = []
    (cell,) = trained(group, lambda step: epochs.append(step.done) if "epochs" in step.description else None)
    assert cell.history is not None
    assert len(cell.history["loss"]) == 8
    assert min(epochs) > 3


def test_a_folder_that_a_killed_cell_left_empty_is_no_obstacle(tmp_path: Path, tints: Path) -> None:
    group = group_of(tmp_path, tints, configured())
    (tmp_path / "runs" / group.cells[0].run).mkdir(parents=True)
    (cell,) = trained(group)
    assert cell.failure is None


def test_ctrl_c_in_a_cell_is_no_failure_of_it(tmp_path: Path, tints: Path) -> None:
    def press(step: Step) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        trained(group_of(tmp_path, tints, configured()), press)
