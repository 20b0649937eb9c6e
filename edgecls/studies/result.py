"""What a study's cells gave: facts that the runner writes and the report reads."""

from __future__ import annotations

from dataclasses import dataclass

from edgecls.machine import Machine
from edgecls.metrics import ClassReport, Proportion
from edgecls.runs import History, TrainingConfig

SCHEMA = 1


@dataclass(frozen=True)
class CellName:
    """Where a cell stands in the study: data set, network and regime as the file names them, and the seed."""

    data: str
    network: str
    regime: str
    seed: int


@dataclass(frozen=True)
class Predictions:
    """The labels a cell gave the test photos, so that two networks that saw the same ones can be paired.

    `digests` are the first 16 digits of the photos', `truth` and `predicted` their classes, all in one order.
    """

    digests: tuple[str, ...]
    truth: tuple[int, ...]
    predicted: tuple[int, ...]


@dataclass(frozen=True)
class CellResult:
    """One trained cell.

    `parameters` and `multiply_adds` are those of the whole classifier at the cell's picture size. `history` and
    `seconds` are those of run.json; `photos` counts the photos of each split. `failure` is the one sentence
    that says why there is no figure; then the figures are None and the lists empty.
    """

    name: CellName
    key: str
    config: TrainingConfig
    created: str
    machine: Machine | None
    versions: dict[str, str]
    failure: str | None = None
    photos: dict[str, int] | None = None
    test: Proportion | None = None
    balanced_accuracy: float | None = None
    weighted_f1: float | None = None
    classes: tuple[ClassReport, ...] = ()
    matrix: tuple[tuple[int, ...], ...] = ()
    predictions: Predictions | None = None
    history: History | None = None
    seconds: dict[str, float] | None = None
    parameters: int | None = None
    multiply_adds: int | None = None
    weights_from: str = ""
    run: str = ""


@dataclass(frozen=True)
class LatencyResult:
    """Invoke latency of one network at one picture size, measured beside all others of the study in one run.

    Medians and 95th percentiles in milliseconds, batch 1, `threads` threads; int8 is None, with the reason in
    `note`, when int8 could not be made. `cell` is the one whose model was measured, and the accuracies are those
    of its test photos: float as trained (its conversion was proved equal), int8 by the int8 file itself.
    """

    network: str
    size: int
    threads: int
    parameters: int
    multiply_adds: int
    float_ms: float
    float_p95_ms: float
    int8_ms: float | None
    int8_p95_ms: float | None
    float_bytes: int
    int8_bytes: int | None
    note: str = ""
    width: float = 1.0
    head: str = ""
    classes: int = 0
    cell: CellName | None = None
    float_top1: Proportion | None = None
    int8_top1: Proportion | None = None


@dataclass(frozen=True)
class StudyResult:
    """Everything a study's report needs.

    `command` is what the user typed, `notes` say what could not be measured. `seconds` are those of all cells, one
    after the other, those found done already too; so a study that went on says the same as one never stopped.
    """

    schema: int
    study: str
    budget: str
    command: str
    created: str
    seconds: float
    machine: Machine
    versions: dict[str, str]
    labels: dict[str, tuple[str, ...]]
    cells: tuple[CellResult, ...]
    latencies: tuple[LatencyResult, ...]
    notes: tuple[str, ...] = ()


def latency_of(cell: CellResult, latencies: tuple[LatencyResult, ...]) -> LatencyResult | None:
    """The latency of the cell's classifier: that of its network, width, size, head and number of classes."""
    config = cell.config
    wanted = (config.network, config.width, config.size, config.head, len(cell.classes))
    for latency in latencies:
        if (latency.network, latency.width, latency.size, latency.head, latency.classes) == wanted:
            return latency
    return None


def per_million(cell: CellResult) -> float | None:
    """Top-1 as a fraction for each million parameters (Canziani et al. 2016, arXiv:1605.07678, figure 10)."""
    return cell.test.value / (cell.parameters / 1e6) if cell.test and cell.parameters else None
