"""Reading a study file: TOML in, a checked Study out; every fault names the file, the place and what was expected."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from edgecls.errors import UsageError
from edgecls.names import check_name, slug
from edgecls.networks.table import NETWORKS
from edgecls.photos import SPLITS
from edgecls.studies.study import Budget, Data, DocumentFigure, Grid, Regime, Study
from edgecls.training.options import CHOICES, TrainingOptions

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TOP = tuple(f.name for f in fields(Study) if f.name != "name")
OPTIONS = tuple(f.name for f in fields(TrainingOptions) if f.name not in ("network", "seed"))


def read_study(path: Path) -> Study:
    """Read a study file strictly.

    Raises UsageError for a file that is absent or no TOML, an unknown key or name, and a value of the wrong type.
    """
    top = _Table(path, "", _parse(path), keys=TOP)
    networks = {name: _network(name, table) for name, table in top.tables("networks").items()}
    data = {name: _data(table) for name, table in top.tables("data").items()}
    _check_files(path, data)
    of_regimes = top.tables("regimes")
    grid = tuple(_grid(table, networks, of_regimes, data) for table in top.list_of_tables("grid"))
    if not grid:
        raise UsageError(f"{path}: expected at least one [[grid]] of networks, regimes and data, found none")
    regimes = {name: _regime(table, grid) for name, table in of_regimes.items()}
    study = Study(
        name=check_name(path.stem),
        title=top.text("title"),
        document=top.text("document"),
        question=top.text("question"),
        options=_options(top.table("options")),
        networks=networks,
        regimes=regimes,
        data=data,
        grid=grid,
        budgets={name: _budget(table, grid) for name, table in top.tables("budgets").items()},
        documents=tuple(_figure(table, grid, data) for table in top.list_of_tables("documents")),
    )
    if not study.budgets:
        raise UsageError(f"{path}: expected a [budgets.quick] or [budgets.full], found none; add it")
    return study


def _check_files(path: Path, data: Iterable[str]) -> None:
    """Each data set has pictures of its own in the report, named after it."""
    names: dict[str, str] = {}
    for name in data:
        if (other := names.setdefault(slug(name), name)) != name:
            raise UsageError(
                f"{path}: [data] expected names that differ in letters, digits or '_', found '{other}' and '{name}'; "
                "rename one"
            )


def _parse(path: Path) -> Any:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"{path}: expected a study file, found none ({error.strerror}); check the path"
        ) from error
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError are both
        raise UsageError(f"{path}: expected TOML in UTF-8, found something else: {error}") from error


class _Table:
    """One table of the file. Values are asked for one by one; without `keys` its keys are names."""

    def __init__(self, path: Path, place: str, values: Any, *, keys: Collection[str] | None = None) -> None:
        self.path, self.place = path, place
        if not isinstance(values, dict):
            raise self.fault("", "a table", values)
        self.values = values
        if keys is not None:
            self.check_keys(keys)

    def check_keys(self, keys: Collection[str]) -> None:
        for key in self.values:
            if key not in keys:
                raise UsageError(f"{self._where()}: expected keys of {', '.join(keys)}, found '{key}'")

    def fault(self, key: str, expected: str, found: Any) -> UsageError:
        shown = "nothing" if found is None else f"'{found}'" if isinstance(found, str) else repr(found)
        return UsageError(f"{self._where(key)}: expected {expected}, found {shown}")

    def _where(self, key: str = "") -> str:
        place = f"[{self.place}]" if self.place else ""
        return f"{self.path}: {' '.join(part for part in (place, key) if part) or 'the file'}"

    def text(self, key: str) -> str:
        found = self.values.get(key)
        if not isinstance(found, str) or not found.strip():
            raise self.fault(key, "a text", found)
        return found.strip()

    def name(self, key: str, there: Iterable[str]) -> str:
        """A text that is one of the names that are there."""
        found, known = self.text(key), tuple(dict.fromkeys(there))
        if found not in known:
            raise self.fault(key, f"one of {', '.join(known) or 'none'}", found)
        return found

    def names(self, key: str, there: Iterable[str]) -> tuple[str, ...]:
        """A list of at least one name, each of them one that is there."""
        found, known = self.values.get(key), tuple(there)
        if not isinstance(found, list) or not found:
            raise self.fault(key, "a list of names", found)
        for name in found:
            if name not in known:
                raise self.fault(key, f"names of {', '.join(known) or 'none'}", name)
        return tuple(dict.fromkeys(found))

    def table(self, key: str, keys: Collection[str] | None = None) -> _Table:
        return _Table(self.path, self._below(key), self.values.get(key, {}), keys=keys)

    def tables(self, key: str) -> dict[str, _Table]:
        return {
            name: _Table(self.path, self._below(f"{key}.{name}"), values)
            for name, values in self.table(key).values.items()
        }

    def list_of_tables(self, key: str) -> list[_Table]:
        found = self.values.get(key, [])
        if not isinstance(found, list):
            raise self.fault(key, f"[[{key}]]", found)
        return [_Table(self.path, f"{key} {i}", values) for i, values in enumerate(found, start=1)]

    def _below(self, key: str) -> str:
        return f"{self.place}.{key}" if self.place else key


def _options(table: _Table, further: tuple[str, ...] = ()) -> dict[str, Any]:
    """Options of training; a whole number stands for a float, so that 1 and 1.0 are one cell."""
    table.check_keys((*OPTIONS, *further))
    hints = get_type_hints(TrainingOptions)
    options = {}
    for key, value in table.values.items():
        kinds = get_args(hints[key]) or (hints[key],)
        if float in kinds and type(value) is int:
            value = float(value)
        if type(value) not in kinds:
            raise table.fault(key, _kind_name(kinds), value)
        if key in CHOICES and value not in CHOICES[key]:
            raise table.fault(key, f"one of {', '.join(CHOICES[key])}", value)
        options[key] = value
    return options


def _kind_name(kinds: tuple[type, ...]) -> str:
    names = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
    return " or ".join(names[kind] for kind in kinds if kind in names)


def _network(name: str, table: _Table) -> dict[str, Any]:
    options = _options(table, ("network",))
    network = options.setdefault("network", name)
    if network not in NETWORKS:
        raise table.fault("network", f"one of {', '.join(NETWORKS)}", network)
    return options


def _regime(table: _Table, grid: tuple[Grid, ...]) -> Regime:
    table.table("networks", [name for part in grid for name in part.networks])
    networks = {name: _options(each) for name, each in table.tables("networks").items()}
    own = {key: value for key, value in table.values.items() if key != "networks"}
    return Regime(_options(_Table(table.path, table.place, own)), networks)


def _data(table: _Table) -> Data:
    table.check_keys(("path", "note", "options"))
    return Data(
        path=table.text("path") if "path" in table.values else None,
        note=table.text("note") if "note" in table.values else "",
        options=_options(table.table("options")),
    )


def _grid(table: _Table, networks: Collection[str], regimes: Collection[str], data: Collection[str]) -> Grid:
    table.check_keys(("networks", "regimes", "data"))
    return Grid(
        networks=table.names("networks", (*networks, *(name for name in NETWORKS if name not in networks))),
        regimes=table.names("regimes", regimes),
        data=table.names("data", data),
    )


def _budget(table: _Table, grid: tuple[Grid, ...]) -> Budget:
    table.check_keys(tuple(f.name for f in fields(Budget)))
    known = {
        "grid_data": [name for part in grid for name in part.data],
        "grid_networks": [name for part in grid for name in part.networks],
    }
    chosen = {key: table.names(key, dict.fromkeys(known[key])) for key in known if key in table.values}
    table.table("regimes", dict.fromkeys(name for part in grid for name in part.regimes))
    return Budget(
        photos=_photos(table),
        seeds=_seeds(table),
        options=_options(table.table("options")),
        regimes={name: _options(each) for name, each in table.tables("regimes").items()},
        **chosen,
    )


def _photos(table: _Table) -> dict[str, int]:
    photos = table.table("photos", SPLITS)
    for split, count in photos.values.items():
        if type(count) is not int or count < 1:
            raise photos.fault(split, "a number of photos from 1", count)
    return photos.values


def _seeds(table: _Table) -> tuple[int, ...]:
    found = table.values.get("seeds", [0])
    whole = isinstance(found, list) and all(type(seed) is int and 0 <= seed < 2**32 for seed in found)
    if not whole or not found or len(set(found)) != len(found):
        raise table.fault("seeds", "a list of different whole numbers from 0", found)
    return tuple(found)


def _figure(table: _Table, grid: tuple[Grid, ...], data: Collection[str]) -> DocumentFigure:
    """A figure of the document; without `beside` its own data must be the study's, else it would stand nowhere."""
    table.check_keys(tuple(f.name for f in fields(DocumentFigure)))
    top1 = table.values.get("top1")
    if type(top1) not in (int, float) or not 0 <= top1 <= 1:  # type: ignore[operator]
        raise table.fault("top1", "a fraction of 0 to 1", top1)
    beside = table.name("beside", data) if "beside" in table.values else None
    return DocumentFigure(
        network=table.name("network", (name for part in grid for name in part.networks)),
        regime=table.name("regime", (name for part in grid for name in part.regimes)),
        data=table.text("data") if beside else table.name("data", data),
        top1=float(top1),  # type: ignore[arg-type]
        beside=beside,
    )
