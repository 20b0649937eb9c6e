"""Study: what a study file says. One TOML file under studies/ for each document that is compared with.

    title = "..."
    document = "what the document is and what it compared"
    question = "the one question that the table answers"

    [options]                       # TrainingOptions of every cell, keys as in `edgecls train` with underscores
    size = 150

    [regimes.frozen]                # a name of the study's own; options of its cells
    regime = "head"
    head = "flatten-256"

    [regimes.unfrozen]
    regime = "two-stage"
    [regimes.unfrozen.networks.vgg16]   # further options where regime and network meet
    unfreeze = "block5_conv3"

    [networks.vgg16]                # options of one network's cells, such as a file of weights
    weights = "weights/vgg16.weights.h5"

    [networks.half]                 # a name of the study's own, where it says which network that is
    network = "mobilenet_v2"
    width = 0.5

    [data.groceries]                # a data set; the name is that of `edgecls data`, or `path` says where it lies
    note = "stands for the document's own photos"
    options = { crop = "squash" }   # options of the cells of this data set

    [[grid]]                        # every combination of these is a cell, once for each seed
    networks = ["vgg16"]
    regimes = ["frozen", "unfrozen"]
    data = ["groceries"]

    [budgets.quick]                 # at most this many photos of each split (stratified, seeded); options win
    photos = { train = 300, validation = 60, test = 300 }
    seeds = [0]
    grid_data = ["groceries"]       # only these data sets; likewise grid_networks; all when left out
    options = { epochs = 5 }
    [budgets.quick.regimes.unfrozen]    # options of one regime's cells in this budget
    fine_tune_epochs = 2

    [[documents]]                   # the document's own figures, top-1 as a fraction
    network = "vgg16"
    data = "military"               # as the document has it; shown beside the study's data `beside`
    beside = "groceries"
    regime = "frozen"
    top1 = 0.6667

Options are laid over one another in this order: study, data, network, regime, regime and network, budget,
budget and regime.
Paths are those of the command line: relative to the folder in which `edgecls study` is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Data:
    """A data set of a study: `path` is where it lies when it is not data/NAME; `note` is said in the report."""

    path: str | None = None
    note: str = ""
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Regime:
    """A regime of a study: options of all its cells, and further ones for some networks."""

    options: dict[str, Any]
    networks: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Grid:
    """Every combination of these is a cell, once for each seed of the budget."""

    networks: tuple[str, ...]
    regimes: tuple[str, ...]
    data: tuple[str, ...]


@dataclass(frozen=True)
class Budget:
    """How much of the study is done: photos of each split at most (all when empty), seeds, and what is cut."""

    photos: dict[str, int] = field(default_factory=dict)
    seeds: tuple[int, ...] = (0,)
    grid_data: tuple[str, ...] | None = None
    grid_networks: tuple[str, ...] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    regimes: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class DocumentFigure:
    """A figure of the document: top-1 as a fraction, on its own data, shown beside ours on `beside`."""

    network: str
    regime: str
    data: str
    top1: float
    beside: str | None = None


@dataclass(frozen=True)
class Study:
    """Contents of a study file, checked: every name of a grid is known."""

    name: str
    title: str
    document: str
    question: str
    options: dict[str, Any]
    networks: dict[str, dict[str, Any]]
    regimes: dict[str, Regime]
    data: dict[str, Data]
    grid: tuple[Grid, ...]
    budgets: dict[str, Budget]
    documents: tuple[DocumentFigure, ...] = ()
