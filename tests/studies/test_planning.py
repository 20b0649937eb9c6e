"""A plan: every cell once, its options laid over one another in the documented order and checked before training."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgecls.data import open_data
from edgecls.errors import UsageError
from edgecls.networks.network import Network
from edgecls.studies.planning import Cell, cell_key, find_budget, frozen_key, plan_cells
from edgecls.studies.reading import read_study
from edgecls.studies.running import _keyed
from edgecls.studies.study import Budget, Data, Grid, Regime, Study
from edgecls.training.run_folder import weights_identity

WriteStudy = Callable[..., Path]

LAYERS = ("study", "data", "network", "regime", "both", "budget", "budget and regime")


def study_with(epochs: dict[str, int]) -> Study:
    """A study of one cell whose layers name their own number of epochs, where they name any."""

    def options(layer: str) -> dict[str, object]:
        return {"epochs": epochs[layer]} if layer in epochs else {}

    regime = Regime({"regime": "scratch", **options("regime")}, {"lenet": options("both")})
    return Study(
        name="s",
        title="t",
        document="d",
        question="q",
        options=options("study"),
        networks={"lenet": options("network")},
        regimes={"r": regime},
        data={"tints": Data(options=options("data"))},
        grid=(Grid(("lenet",), ("r",), ("tints",)),),
        budgets={"quick": Budget(options=options("budget"), regimes={"r": options("budget and regime")})},
    )


@pytest.mark.parametrize("last", range(len(LAYERS)))
def test_a_later_layer_of_options_wins(last: int) -> None:
    study = study_with({layer: 10 + i for i, layer in enumerate(LAYERS[: last + 1])})
    (cell,) = plan_cells(study, study.budgets["quick"])
    assert cell.config.epochs == 10 + last


def test_the_cells_are_every_combination_once_for_each_seed(write_study: WriteStudy) -> None:
    study = read_study(write_study())
    doubled = replace(study, grid=study.grid * 2)
    cells = plan_cells(doubled, doubled.budgets["full"])
    names = [(c.name.network, c.name.regime, c.name.seed) for c in cells]
    assert len(set(names)) == len(names) == 8
    assert names[:3] == [("lenet", "frozen", 0), ("lenet", "frozen", 1), ("lenet", "scratch", 0)]
    assert [cell.config.seed for cell in cells] == [0, 1] * 4


def test_a_budget_may_leave_networks_out(write_study: WriteStudy) -> None:
    study = read_study(write_study(("seeds = [0]", 'seeds = [0]\ngrid_networks = ["cnn"]')))
    assert {cell.name.network for cell in plan_cells(study, study.budgets["quick"])} == {"cnn"}


def test_a_budget_that_is_not_there_is_wrong_use(write_study: WriteStudy) -> None:
    study = read_study(write_study())
    with pytest.raises(UsageError, match=r"--budget: study tints has quick, full, found 'half'"):
        find_budget(study, "half")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            '["lenet", "cnn"]',
            '["lenet", "alexnet"]',
            "network alexnet, .*: alexnet needs pictures of at least",
        ),
        (
            "batch_size = 16",
            "batch_size = 0",
            "network lenet, .*: --batch-size: expected at least 1, found 0",
        ),
    ],
)
def test_a_cell_whose_options_do_not_go_together_is_impossible_alone(
    write_study: WriteStudy, old: str, new: str, words: str
) -> None:
    study = read_study(write_study((old, new)))
    cells = plan_cells(study, study.budgets["quick"])
    impossible = [cell for cell in cells if cell.impossible]
    assert len(cells) == 4
    assert len(impossible) == 2
    for cell in impossible:
        assert re.match(words, cell.impossible)
        assert cell.config.size == 48  # as it was asked


def test_a_study_without_a_possible_cell_is_wrong_use(write_study: WriteStudy) -> None:
    study = read_study(write_study(("size = 48", "size = 2")))
    with pytest.raises(UsageError, match=r"study tints: no cell can be trained; network lenet, .* at least"):
        plan_cells(study, study.budgets["quick"])


@pytest.mark.parametrize(
    ("option", "same"),
    [
        ('unfreeze = "x"', True),
        ('norm = "trained"', True),
        ("fine_tune_epochs = 9", True),
        ("fine_tune_rate = 1e-5", True),
        ("learning_rate = 1e-5", False),
    ],
)
def test_an_option_that_a_regime_never_reads_makes_no_other_cell_of_it(
    write_study: WriteStudy, option: str, same: bool
) -> None:
    """The study has cells of the regimes head and scratch."""
    plain, other = (
        read_study(write_study(*change)) for change in ((), (("[options]", f"[options]\n{option}"),))
    )
    cells = [plan_cells(study, study.budgets["quick"]) for study in (plain, other)]
    assert not any(cell.impossible for cell in cells[1])
    keys = [[cell_key(cell.config, "d", {}) for cell in planned] for planned in cells]
    assert (keys[0] == keys[1]) is same
    assert len(set(keys[1])) == 4


@pytest.mark.parametrize(
    ("option", "regime"), [('schedule = "constant"', "scratch"), ('weights = "w.pth"', "frozen")]
)
def test_an_option_of_a_network_counts_for_the_regime_that_reads_it_alone(
    write_study: WriteStudy, option: str, regime: str
) -> None:
    change = ("[networks.lenet]", f"[networks.lenet]\n{option}")
    studies = [read_study(write_study()), read_study(write_study(change))]
    plain, other = (plan_cells(study, study.budgets["quick"]) for study in studies)
    assert not any(cell.impossible for cell in other)
    changed = [two.name for one, two in zip(plain, other, strict=True) if one.config != two.config]
    assert [(name.network, name.regime) for name in changed] == [("lenet", regime)]


def cell_of(**changes: object) -> Cell:
    study = study_with({})
    (cell,) = plan_cells(study, study.budgets["quick"])
    return replace(cell, config=replace(cell.config, **changes))  # type: ignore[arg-type]


def test_a_key_depends_on_options_photos_and_versions() -> None:
    config = cell_of().config
    keys = [
        cell_key(config, "a", {"keras": "3"}),
        cell_key(config, "b", {"keras": "3"}),
        cell_key(config, "a", {"keras": "4"}),
        cell_key(replace(config, epochs=7), "a", {"keras": "3"}),
        cell_key(replace(config, seed=7), "a", {"keras": "3"}),
    ]
    assert len(set(keys)) == 5


def test_a_file_of_weights_enters_the_key_by_its_bytes_and_not_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "a.weights.h5").write_bytes(b"one")
    (tmp_path / "b.weights.h5").write_bytes(b"one")
    (tmp_path / "c.weights.h5").write_bytes(b"two")
    keys = [cell_key(cell_of(weights=str(tmp_path / f"{name}.weights.h5")).config, "d", {}) for name in "abc"]
    assert keys[0] == keys[1] != keys[2]


def test_weights_that_cannot_be_read_fail_their_cell_alone(tints: Path) -> None:
    dataset = open_data(tints)
    cell = cell_of(weights=f"{'x' * 300}.h5")  # no file system takes the name: this fails for root too
    keyed = _keyed(cell, dataset, {})
    assert keyed.key == ""
    assert "cannot be read (File name too long); check its permissions" in keyed.cell.impossible
    assert _keyed(cell_of(), dataset, {}).key


def test_the_name_of_a_source_stands_for_itself(small_network: Network) -> None:
    assert weights_identity(cell_of(network="small", weights="made").config) == "made"
    assert weights_identity(cell_of().config) == "none"


def test_cells_whose_photos_pass_the_same_frozen_network_belong_together(small_network: Network) -> None:
    def key(**changes: object) -> str:
        return frozen_key(cell_of(**{"network": "small", "weights": "made", **changes}))

    head = key(regime="head")
    assert head == key(regime="two-stage") == key(regime="head", seed=1) == key(regime="head", epochs=9)
    assert head != key(regime="head", size=64)
    assert head != key(regime="head", weights="none")
    assert key(regime="finetune") != key(regime="finetune", seed=1)
    assert frozen_key(cell_of(regime="head", seed=1)) != frozen_key(cell_of(regime="head", seed=2))
