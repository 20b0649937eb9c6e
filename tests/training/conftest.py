"""A tiny data set, a configuration of the small network, and progress that can raise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgecls.data import open_data
from edgecls.networks.network import Network
from edgecls.photos import DataSet
from edgecls.progress import Tick
from edgecls.runs import TrainingConfig
from edgecls.training.train import TrainingResult, train

Announce = Callable[[str], Tick]
Progress = Callable[[], AbstractContextManager[Announce]]


def make_config(**changes: object) -> TrainingConfig:
    """The small network at 32x32, head regime, two epochs, without dropout."""
    from edgecls.training.options import TrainingOptions, make_config

    values: dict[str, object] = {
        "network": "small",
        "size": 32,
        "epochs": 2,
        "patience": 0,
        "keep": "best",
        "batch_size": 16,
        "dropout": 0.0,
        "augment": 0,
    }
    rates: dict[str, Any] = {"learning_rate": 0.01, "fine_tune_rate": 0.001}
    given = {key: changes.pop(key) for key in rates if key in changes}
    asked = make_config(TrainingOptions(**(values | changes)))  # type: ignore[arg-type]
    return replace(asked, **(rates | given))  # rates of 0 and infinity too, which no user may ask for


def make_progress(step: str = "", done: int = 0, raised: type[BaseException] = KeyboardInterrupt) -> Progress:
    """Progress that nobody hears; it raises when the step of that name reports `done`."""

    def announce(description: str) -> Tick:
        def tick(found: int, total: int) -> None:
            if description == step and found == done:
                raise raised

        return tick

    @contextmanager
    def progress() -> Iterator[Announce]:
        yield announce

    return progress


@pytest.fixture(scope="session")
def config() -> Callable[..., TrainingConfig]:
    return make_config


@pytest.fixture(scope="session")
def progress() -> Callable[..., Progress]:
    return make_progress


@pytest.fixture(scope="module")
def dataset(
    tmp_path_factory: pytest.TempPathFactory, plant: Callable[..., Path], small_network: Network
) -> DataSet:
    """Sixty photos of three classes, of which 42 train; the small network is in the table meanwhile."""
    return open_data(plant(tmp_path_factory.mktemp("data") / "tints", {"blue": 20, "green": 20, "red": 20}))


@pytest.fixture(scope="module")
def run_training(tmp_path_factory: pytest.TempPathFactory, dataset: DataSet) -> Callable[..., TrainingResult]:
    """Trains with these changes of the configuration, in a new folder of runs."""

    def run(**changes: object) -> TrainingResult:
        runs = tmp_path_factory.mktemp("runs")
        return train(dataset, make_config(**changes), runs=runs, progress=make_progress())

    return run
