"""Groups are trained by as many processes as asked; one that dies fails the cell it was at, and no other."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from edgecls.studies.planning import plan_cells
from edgecls.studies.pool import Turn, give_up, train_groups
from edgecls.studies.reading import read_study
from edgecls.studies.result import CellResult
from edgecls.studies.running import plan_groups, prepare
from edgecls.studies.work import Group, Step

pytest.importorskip("keras", reason="needs Keras, of the train extra")
pytestmark = pytest.mark.xdist_group("training")

WriteStudy = Callable[..., Path]


@pytest.fixture
def groups(write_study: WriteStudy, tmp_path: Path) -> list[Group]:
    """Two groups of one cell each: LeNet frozen, and LeNet from scratch."""
    changes = (
        ("seeds = [0]", "seeds = [0]\ngrid_networks = ['lenet']"),
        ('regime = "head"', 'regime = "head"\nepochs = 3'),
    )
    study = read_study(write_study(*changes))
    assert len(plan_cells(study, study.budgets["quick"])) == 2
    (tmp_path / "out").mkdir()
    return plan_groups(prepare(study, "quick", folder=tmp_path / "out"), tmp_path / "out")


def test_a_process_that_is_killed_fails_its_cell_and_the_others_go_on(groups: list[Group]) -> None:
    heard: list[CellResult] = []
    killed: list[int] = []

    def hear(message: CellResult | Step) -> None:
        if isinstance(message, CellResult):
            heard.append(message)
        elif not killed:
            (child,) = multiprocessing.active_children()
            assert child.pid is not None
            killed.append(child.pid)
            os.kill(child.pid, signal.SIGKILL)

    train_groups(groups, jobs=1, hear=hear)
    assert [cell.failure is None for cell in heard] == [False, True]
    assert "its process was killed by SIGKILL" in str(heard[0].failure)
    assert multiprocessing.active_children() == []


def test_two_processes_train_at_once_and_both_end(groups: list[Group]) -> None:
    most = 0
    heard: list[CellResult] = []

    def hear(message: CellResult | Step) -> None:
        nonlocal most
        most = max(most, len(multiprocessing.active_children()))
        if isinstance(message, CellResult):
            heard.append(message)

    train_groups(groups, jobs=2, hear=hear)
    assert most == 2
    assert sorted(cell.name.regime for cell in heard) == ["frozen", "scratch"]
    assert all(cell.failure is None for cell in heard)
    assert multiprocessing.active_children() == []


def test_a_process_that_dies_after_its_last_cell_fails_none(groups: list[Group]) -> None:
    heard: list[object] = []
    assert give_up(Turn(groups[0], done=len(groups[0].cells)), "died", heard.append) == []
    assert heard == []
