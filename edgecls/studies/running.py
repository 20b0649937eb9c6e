"""Running a study: find what is done, train what is not, time what was trained, and write what came of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from edgecls.devices.detect import detect_machine
from edgecls.errors import EdgeclsError
from edgecls.files import utc_now
from edgecls.photos import SPLITS, DataSet
from edgecls.studies.latency import Latencies, measure_latencies
from edgecls.studies.photos import open_limited
from edgecls.studies.planning import Cell, cell_key, data_root, find_budget, frozen_key, plan_cells
from edgecls.studies.pool import train_groups
from edgecls.studies.result import SCHEMA, CellName, CellResult, StudyResult
from edgecls.studies.store import Store, own_folder, write_result
from edgecls.studies.study import Budget, Study
from edgecls.studies.work import Group, KeyedCell, Step, failed, tell_versions
from edgecls.studies.workers import call

Hear = Callable[[CellResult | Step], None]


@dataclass(frozen=True)
class RunOptions:
    """How a study is run: in which folder, by how many processes, on which Ray cluster, what is done anew."""

    folder: Path
    jobs: int = 1
    ray: str | None = None
    force: bool = False
    latency: bool = True
    command: str = ""


@dataclass(frozen=True)
class Prepared:
    """A budget's cells with their keys, in order.

    `photos` counts those of each data set's splits, `digests` names them, `results` are of cells that are done, and
    of those that cannot begin, with their failure.
    """

    study: Study
    budget_name: str
    budget: Budget
    cells: tuple[KeyedCell, ...]
    versions: dict[str, str]
    photos: dict[str, dict[str, int]] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    results: dict[CellName, CellResult] = field(default_factory=dict)

    def waiting(self) -> list[KeyedCell]:
        """Cells without a result."""
        return [keyed for keyed in self.cells if keyed.cell.name not in self.results]

    @cached_property
    def groups(self) -> list[list[KeyedCell]]:
        """Cells without a result, those that share a frozen network together: one process does them in turn.

        Found once: the weight files that tell them apart may be gone while the study runs.
        """
        members: dict[str, list[KeyedCell]] = {}
        for keyed in self.waiting():
            members.setdefault(frozen_key(keyed.cell), []).append(keyed)
        return list(members.values())


def prepare(study: Study, budget_name: str, *, folder: Path, force: bool = False) -> Prepared:
    """Check every cell's options, open every data set, and find the cells that are done; with `force`, none is.

    Raises UsageError as `find_budget` and `plan_cells`. An impossible cell fails alone, and a data set that cannot
    be opened fails its cells alone.
    """
    budget = find_budget(study, budget_name)
    cells = plan_cells(study, budget)
    told: list[dict[str, str]] = []
    call(tell_versions, None, threads=1, hear=told.append)
    (versions,) = told
    opened = {name: _open(study, budget, name) for name in dict.fromkeys(cell.name.data for cell in cells)}
    keyed = tuple(_keyed(cell, opened[cell.name.data], versions) for cell in cells)
    store = Store(folder)
    results: dict[CellName, CellResult] = {}
    for each in keyed:
        found = opened[each.cell.name.data]
        if reason := each.cell.impossible or (found if isinstance(found, str) else ""):
            results[each.cell.name] = failed(each.cell, reason, versions=versions)
        elif not force and (result := store.find(each.key)) is not None:
            results[each.cell.name] = replace(result, name=each.cell.name)
    data = {name: found for name, found in opened.items() if not isinstance(found, str)}
    return Prepared(
        study,
        budget_name,
        budget,
        keyed,
        versions,
        photos={name: {split: len(found.split(split)) for split in SPLITS} for name, found in data.items()},
        digests={name: found.digest for name, found in data.items()},
        labels={name: found.labels.names for name, found in data.items()},
        results=results,
    )


def _open(study: Study, budget: Budget, name: str) -> DataSet | str:
    """The data set with the budget's photos, or the sentence that says why it cannot be opened."""
    try:
        return open_limited(name, data_root(study, name), budget.photos)
    except EdgeclsError as error:
        return str(error)


def _keyed(cell: Cell, dataset: DataSet | str, versions: dict[str, str]) -> KeyedCell:
    if cell.impossible or isinstance(dataset, str):
        return KeyedCell(cell, "")
    try:
        return KeyedCell(cell, cell_key(cell.config, dataset.digest, versions))
    except EdgeclsError as error:  # its weights cannot be read
        return KeyedCell(replace(cell, impossible=str(error)), "")


def run_study(prepared: Prepared, options: RunOptions, *, hear: Hear) -> StudyResult:
    """Train the cells that have no result, measure latencies, and write study.json, table.csv, classes.csv.

    `hear` gets every Step and the CellResult of each cell that was trained or failed. Stopped by Ctrl-C or killed,
    the same call goes on where it was.
    """
    with own_folder(options.folder):
        store = Store(options.folder)
        results = dict(prepared.results)

        def keep(message: CellResult | Step) -> None:
            if isinstance(message, CellResult):
                store.keep(message)
                results[message.name] = message
            hear(message)

        if options.force:
            _forget(prepared, store)
        _train(plan_groups(prepared, options.folder), options, hear=keep)
        cells = tuple(results[keyed.cell.name] for keyed in prepared.cells)
        latencies = _latencies(prepared, cells, options, hear)
        result = _gather(prepared, cells, latencies, command=options.command)
        write_result(options.folder, result)
        return result


def _forget(prepared: Prepared, store: Store) -> None:
    for keyed in prepared.waiting():
        store.forget(keyed.key)
        shutil.rmtree(store.folder / "runs" / keyed.run, ignore_errors=True)


def plan_groups(prepared: Prepared, folder: Path) -> list[Group]:
    """The cells without a result, those that share a frozen network together, in the order of the study."""
    return [
        Group(
            tuple(cells),
            prepared.budget.photos,
            prepared.digests[cells[0].cell.name.data],
            folder.resolve(),
            prepared.versions,
        )
        for cells in prepared.groups
    ]


def _train(groups: Sequence[Group], options: RunOptions, *, hear: Hear) -> None:
    if not groups:
        return
    if options.ray is None:
        train_groups(groups, jobs=options.jobs, hear=hear)
        return
    from edgecls.studies.ray_nodes import train_groups_on_ray

    train_groups_on_ray(groups, address=options.ray, jobs=options.jobs, hear=hear)


def _latencies(
    prepared: Prepared, cells: tuple[CellResult, ...], options: RunOptions, hear: Hear
) -> Latencies:
    if not options.latency:
        return Latencies((), ())
    return measure_latencies(
        cells,
        options.folder.resolve(),
        limits=prepared.budget.photos,
        roots={name: data_root(prepared.study, name) for name in prepared.digests},
        machine=detect_machine(),
        hear=hear,
    )


def _gather(
    prepared: Prepared, cells: tuple[CellResult, ...], latencies: Latencies, *, command: str
) -> StudyResult:
    return StudyResult(
        schema=SCHEMA,
        study=prepared.study.name,
        budget=prepared.budget_name,
        command=command,
        created=utc_now(),
        seconds=round(sum((cell.seconds or {}).get("total", 0.0) for cell in cells), 2),
        machine=detect_machine(),
        versions=prepared.versions,
        labels=prepared.labels,
        cells=cells,
        latencies=latencies.results,
        notes=latencies.notes,
    )
