"""A study of made photos: two small networks, trained from random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

STUDY = """
title = "Tints"
document = "none"
question = "Does it run?"

[options]
size = 48
epochs = 2
patience = 0
weights = "none"

[regimes.frozen]
regime = "head"

[regimes.scratch]
regime = "scratch"

[networks.lenet]
batch_size = 16

[data.tints]
path = "{data}"

[[grid]]
networks = ["lenet", "cnn"]
regimes = ["frozen", "scratch"]
data = ["tints"]

[budgets.quick]
photos = {{ train = 30, test = 12 }}
seeds = [0]

[budgets.quick.regimes.scratch]
optimizer = "sgd"

[budgets.full]
seeds = [0, 1]

[[documents]]
network = "lenet"
data = "theirs"
beside = "tints"
regime = "scratch"
top1 = 0.5
"""

WriteStudy = Callable[..., Path]


@pytest.fixture
def write_study(tmp_path: Path, tints: Path) -> WriteStudy:
    """Writes tints.toml, with pieces of its text replaced, and gives its path."""

    def write(*changes: tuple[str, str], name: str = "tints.toml") -> Path:
        text = STUDY.format(data=tints)
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write


@pytest.fixture(scope="session")
def tints(tmp_path_factory: pytest.TempPathFactory, plant: Callable[..., Path]) -> Path:
    """120 photos of three classes."""
    return plant(tmp_path_factory.mktemp("data") / "tints", {"blue": 40, "green": 40, "red": 40})
