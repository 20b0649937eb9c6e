"""The work of a study's processes: train the cells of a group one after the other, and say what each gave."""

from __future__ import annotations

import shutil
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from edgecls.errors import DataError, EdgeclsError, first_line
from edgecls.files import utc_now, write_bytes
from edgecls.metrics import balanced_accuracy, class_reports
from edgecls.names import slug
from edgecls.networks.cost import Cost, cost_of
from edgecls.networks.table import find_network
from edgecls.progress import Announce, Progress, Tick
from edgecls.runs import SCORES, RunRecord, read_run, run_model
from edgecls.studies.photos import open_limited
from edgecls.studies.planning import Cell
from edgecls.studies.result import CellResult, Predictions
from edgecls.training.classifier import build_head, head_kind, hidden_units, vectorize
from edgecls.training.run_folder import inputs_digest, is_unfinished
from edgecls.training.train import train

DIGITS = 16  # of a photo's digest: enough to tell the photos of a study apart
TOLD_EVERY_S = 0.2


@dataclass(frozen=True)
class KeyedCell:
    """A cell with the key of its result."""

    cell: Cell
    key: str

    @property
    def run(self) -> str:
        """Name of its run; cells of one key and data set, whatever the study calls them otherwise, share it."""
        return f"{self.cell.config.network}-{slug(self.cell.name.data)}-{self.key[:12]}"


@dataclass(frozen=True)
class Group:
    """Cells whose photos pass the same frozen network: they are done one after the other and share its features.

    `limits` are the most photos of a split, `digest` that of the data set so limited, `folder` the study's.
    """

    cells: tuple[KeyedCell, ...]
    limits: dict[str, int]
    digest: str
    folder: Path
    versions: dict[str, str]


@dataclass(frozen=True)
class Step:
    """How far the cell of this key is: `done` of `total` of the step that is so described."""

    key: str
    description: str
    done: int
    total: int


Send = Callable[[Any], None]


def train_group(group: Group, send: Send) -> None:
    """Send a Step now and then and a CellResult for each cell, in order."""
    for result in train_cells(group, send):
        send(result)


def train_cells(group: Group, send: Send) -> Iterator[CellResult]:
    """The result of each cell, in order; Steps are sent meanwhile.

    What goes wrong in one cell is its result's `failure`, and the next follows. Ctrl-C ends the work: the cell's
    run keeps what it has, and is gone on with the next time.
    """
    from edgecls.training.features import FeatureStore

    features = FeatureStore(group.folder / "features")
    for keyed in group.cells:
        try:
            yield _train_cell(keyed, group, features, send)
        except EdgeclsError as error:
            yield failed(keyed.cell, str(error), key=keyed.key, versions=group.versions)
        except Exception as error:  # a foreign fault ends its cell, not a study of hours
            reason = _foreign(error, keyed, group.folder)
            yield failed(keyed.cell, reason, key=keyed.key, versions=group.versions)


def tell_versions(_: None, send: Send) -> None:
    """Send the versions of what trains here; in a process of its own, as only that shall load TensorFlow."""
    from edgecls.training.backend import import_keras, training_versions

    send(training_versions(import_keras()))


def failed(cell: Cell, reason: str, *, key: str = "", versions: dict[str, str]) -> CellResult:
    """The result of a cell that has none."""
    return CellResult(cell.name, key, cell.config, utc_now(), None, versions, failure=reason)


def _foreign(error: Exception, keyed: KeyedCell, folder: Path) -> str:
    """A sentence for an error that is not ours; its traceback is kept in a file."""
    trace = folder / "failures" / f"{keyed.run}.txt"
    trace.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(trace, "".join(traceback.format_exception(error)).encode())
    first = first_line(error)
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return f"the memory was not enough ({first}); choose a smaller batch_size or size, see {trace}"
    return f"{type(error).__name__}: {first}; see {trace}"


def _train_cell(keyed: KeyedCell, group: Group, features: Any, send: Send) -> CellResult:
    from edgecls.training.backend import import_keras

    name = keyed.cell.name
    dataset = open_limited(name.data, keyed.cell.root, group.limits)
    if dataset.digest != group.digest:
        raise DataError(f"{keyed.cell.root}: the photos changed while the study ran; start it again")
    import_keras().backend.clear_session()
    runs = group.folder / "runs"
    inputs = inputs_digest(keyed.cell.config, dataset, group.versions)
    trained = train(
        dataset,
        keyed.cell.config,
        runs=runs,
        name=keyed.run,
        resume=_may_resume(runs / keyed.run, inputs),
        progress=_teller(keyed.key, send),
        features=features,
    )
    if trained.record.status != "complete":
        raise KeyboardInterrupt
    return _result(keyed, trained.folder, trained.record)


def _may_resume(folder: Path, digest: str) -> bool:
    """Whether `folder` holds an unfinished run of these inputs that can be gone on with.

    Any other but the complete one is removed: it was killed before it said what it is, its weights lay elsewhere,
    or somebody took a file out of it.
    """
    if is_unfinished(folder, digest):
        return True
    if not _is_whole(folder, digest):
        shutil.rmtree(folder, ignore_errors=True)
    return False


def _is_whole(folder: Path, digest: str) -> bool:
    """Whether `folder` holds a run of these inputs with its model and its answers as they were written."""
    try:
        record = read_run(folder)
        run_model(folder, record)
        read_predictions(folder / SCORES)
    except EdgeclsError:
        return False
    return record.inputs_digest == digest


def _teller(key: str, send: Send) -> Progress:
    """Progress that sends Steps, not more often than a person can read."""

    def announce(description: str) -> Tick:
        told = 0.0

        def tick(done: int, total: int) -> None:
            nonlocal told
            if time.monotonic() - told >= TOLD_EVERY_S or done == total:
                told = time.monotonic()
                send(Step(key, description, done, total))

        return tick

    @contextmanager
    def progress() -> Iterator[Announce]:
        yield announce

    return progress


def _result(keyed: KeyedCell, folder: Path, record: RunRecord) -> CellResult:
    matrix, config = np.array(record.matrix, np.int64), record.config
    cost = _cost(config.network, config.width, size=config.size, head=config.head, classes=len(record.labels))
    classes = tuple(class_reports(matrix, record.labels))
    return CellResult(
        name=keyed.cell.name,
        key=keyed.key,
        config=config,
        created=record.created,
        machine=record.machine,
        versions=record.versions,
        photos=record.photos,
        test=record.test,
        balanced_accuracy=balanced_accuracy(matrix),
        weighted_f1=sum(c.f1 * c.support for c in classes) / record.test.n,
        classes=classes,
        matrix=record.matrix,
        predictions=read_predictions(folder / SCORES),
        history=record.history,
        seconds=record.seconds,
        parameters=cost.parameters,
        multiply_adds=cost.multiply_adds,
        weights_from=record.weights_from,
        run=f"runs/{keyed.run}",
    )


@lru_cache(maxsize=1)
def _cost(name: str, width: float, *, size: int, head: str, classes: int) -> Cost:
    """Of the whole classifier; the seeds and regimes of a network share it."""
    from edgecls.training.backend import import_keras

    keras, network = import_keras(), find_network(name)
    backbone = vectorize(keras, network.build(size, width), head_kind(network, head))
    hidden = hidden_units(network, head)
    features = int(backbone.output.shape[-1])
    return cost_of(backbone).then(cost_of(build_head(keras, features, classes, hidden=hidden, dropout=0.0)))


def read_predictions(path: Path) -> Predictions:
    """The predictions that a run's probabilities are. Raises DataError when the file is not as it was written."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return Predictions(
                digests=tuple(str(digest)[:DIGITS] for digest in stored["digests"].tolist()),
                truth=tuple(stored["truth"].tolist()),
                predicted=tuple(stored["probabilities"].argmax(axis=1).tolist()),
            )
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{path}: expected the run's probabilities, found {error}; remove its folder"
        ) from error
