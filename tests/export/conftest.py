"""A small trained run, its bundle exported for real once, and exports that reuse its float conversion."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgecls.data import open_data
from edgecls.export import candidates
from edgecls.export.convert import convert_float
from edgecls.export.export import ExportResult, export_run
from edgecls.export.options import ExportOptions
from edgecls.export.rounded_weights import ROUNDED
from edgecls.networks.network import Network
from edgecls.photos import DataSet
from edgecls.progress import Tick
from edgecls.runs import RunRecord, recall_data

Listed = Callable[[], AbstractContextManager[Network]]
PlantPhotos = Callable[..., Path]

OPTIONS = ExportOptions(calibration_photos=20, evaluation_photos=6)


@contextmanager
def silent() -> Iterator[Callable[[str], Tick]]:
    """Progress that nobody hears."""
    yield lambda description: lambda done, total: None


@dataclass(frozen=True)
class TrainedRun:
    """A run on disk, and its float conversions in both formats."""

    folder: Path
    record: RunRecord
    floats: Path

    @property
    def dataset(self) -> DataSet:
        return recall_data(self.folder, self.record)


def train_run(root: Path, data: Path, **changes: object) -> tuple[Path, RunRecord]:
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    pytest.importorskip("litert_quantizer", reason="needs the export extra")
    from edgecls.training.options import TrainingOptions, make_config
    from edgecls.training.train import train

    values: dict[str, Any] = {
        "network": "small", "weights": "none", "regime": "scratch", "size": 16, "epochs": 10, "patience": 0,
        "batch_size": 16, "learning_rate": 0.03, "dropout": 0.0, "augment": 0,
    }  # fmt: skip
    config = make_config(TrainingOptions(**(values | changes)))
    result = train(open_data(data), config, runs=root / "runs", progress=silent)
    return result.folder, result.record


@pytest.fixture(scope="session")
def trained(
    tmp_path_factory: pytest.TempPathFactory, plant: PlantPhotos, listed_small_network: Listed
) -> TrainedRun:
    """The small network, trained until it tells the three colours apart: 63 photos train, 14 and 13 do not."""
    root = tmp_path_factory.mktemp("trained")
    plant(root / "tints", {"blue": 30, "green": 30, "red sö": 30})
    with listed_small_network():
        folder, record = train_run(root, root / "tints")
    assert record.test.value > 0.9, "the fixture's network has not learnt its colours"
    (root / "floats").mkdir()
    return TrainedRun(folder, record, root / "floats")


@pytest.fixture(scope="session")
def exported(trained: TrainedRun, tmp_path_factory: pytest.TempPathFactory) -> ExportResult:
    """Its bundle in both formats, made as `edgecls export` makes it. Do not change it."""

    def convert(model: Path, folder: Path, formats: tuple[str, ...], *rest: Any, **others: Any) -> Any:
        done = convert_float(model, folder, formats, *rest, **others)
        for name in formats:
            shutil.copy(folder / f"float32.{name}", trained.floats)
        shutil.copy(folder / ROUNDED, trained.floats)
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "convert_float", convert)
        bundles = tmp_path_factory.mktemp("exported") / "bundles"
        return export_run(trained.folder, trained.record, OPTIONS, bundles=bundles, progress=silent)


@pytest.fixture
def export_quickly(
    trained: TrainedRun, exported: ExportResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., ExportResult]:
    """Exports into tmp_path/bundles; the float files of `exported` stand in for the converter's work."""

    def copy(model: Path, folder: Path, formats: tuple[str, ...], *rest: Any, **others: Any) -> Any:
        for name in formats:
            shutil.copy(trained.floats / f"float32.{name}", folder)
        shutil.copy(trained.floats / ROUNDED, folder)
        return {}

    monkeypatch.setattr(candidates, "convert_float", copy)

    def export(options: ExportOptions = OPTIONS, **others: Any) -> ExportResult:
        bundles = others.pop("bundles", tmp_path / "bundles")
        return export_run(trained.folder, trained.record, options, bundles=bundles, progress=silent, **others)

    return export


@pytest.fixture(scope="session")
def options() -> ExportOptions:
    """20 calibration photos, 6 evaluation photos, both formats."""
    return OPTIONS


@pytest.fixture(scope="session")
def make_run() -> Callable[..., tuple[Path, RunRecord]]:
    """Trains a run below a folder: make_run(root, data, **changes of the configuration)."""
    return train_run


@pytest.fixture(scope="session")
def no_progress() -> Callable[[], AbstractContextManager[Callable[[str], Tick]]]:
    return silent
