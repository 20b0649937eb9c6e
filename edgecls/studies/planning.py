"""Planning a study: its cells with all options resolved and checked, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgecls.errors import UsageError
from edgecls.files import digest_json
from edgecls.records import to_record
from edgecls.runs import TrainingConfig
from edgecls.studies.result import CellName
from edgecls.studies.study import Budget, Study
from edgecls.training.options import TrainingOptions, make_config, without_unread
from edgecls.training.run_folder import weights_identity


@dataclass(frozen=True)
class Cell:
    """A cell to be trained: its name, the whole configuration, and where its photos lie.

    `impossible` is the sentence that says why no network can be trained so; `config` is then what was asked.
    """

    name: CellName
    config: TrainingConfig
    root: Path
    impossible: str = ""


def find_budget(study: Study, name: str) -> Budget:
    """The budget of that name. Raises UsageError naming what the study has."""
    if name not in study.budgets:
        raise UsageError(
            f"--budget: study {study.name} has {', '.join(study.budgets)}, found '{name}'; choose one"
        )
    return study.budgets[name]


def plan_cells(study: Study, budget: Budget) -> tuple[Cell, ...]:
    """The cells of a budget in the order of the file, each once.

    An option that a cell's regime never reads is left out of it: it was meant for other cells.
    A cell whose options do not go together, such as pictures too small for its network, is `impossible` alone.
    Raises UsageError when that is so of every cell, and for a budget that leaves none.
    """
    cells = tuple(_plan(study, budget, name) for name in dict.fromkeys(_names(study, budget)))
    if not cells:
        raise UsageError(
            f"study {study.name}: the budget's grid_data and grid_networks leave no cell of any grid"
        )
    if all(cell.impossible for cell in cells):
        raise UsageError(f"study {study.name}: no cell can be trained; {cells[0].impossible}")
    return cells


def data_root(study: Study, name: str) -> Path:
    """Where a data set of the study lies."""
    return Path(study.data[name].path or f"data/{name}")


def _names(study: Study, budget: Budget) -> Iterator[CellName]:
    for grid in study.grid:
        for data in grid.data:
            for network in grid.networks:
                if budget.grid_data is not None and data not in budget.grid_data:
                    continue
                if budget.grid_networks is not None and network not in budget.grid_networks:
                    continue
                for regime in grid.regimes:
                    yield from (CellName(data, network, regime, seed) for seed in budget.seeds)


def _plan(study: Study, budget: Budget, name: CellName) -> Cell:
    options, root = _options(study, budget, name), data_root(study, name.data)
    try:
        return Cell(name, make_config(without_unread(TrainingOptions(**options))), root)
    except UsageError as error:
        usual = make_config(TrainingOptions(network=options["network"]))
        where = f"network {name.network}, regime {name.regime}, data {name.data}"
        return Cell(name, replace(usual, **options), root, impossible=f"{where}: {error}")


def _options(study: Study, budget: Budget, name: CellName) -> dict[str, Any]:
    options: dict[str, Any] = {"network": name.network}
    regime = study.regimes[name.regime]
    layers = (
        study.options,
        study.data[name.data].options,
        study.networks.get(name.network, {}),
        regime.options,
        regime.networks.get(name.network, {}),
        budget.options,
        budget.regimes.get(name.regime, {}),
    )
    for layer in layers:
        options |= layer
    return options | {"seed": name.seed}


def cell_key(config: TrainingConfig, data_digest: str, versions: dict[str, str]) -> str:
    """Digest of everything that determines a cell; no path is in it."""
    record = to_record(config) | {"weights": weights_identity(config)}
    return digest_json({"config": record, "data": data_digest, "versions": versions})[:32]


def frozen_key(cell: Cell) -> str:
    """The same for two cells whose photos pass the same frozen network; every other cell has its own."""
    config = cell.config
    if config.regime not in ("head", "two-stage"):
        return digest_json([to_record(config), weights_identity(config), str(cell.root)])
    seed = config.seed if config.weights == "none" else None
    parts = [
        config.network,
        config.width,
        weights_identity(config),
        config.size,
        config.crop,
        config.precision,
    ]
    return digest_json([*parts, seed, str(cell.root)])
