"""The groceries sample as the package holds it: real photos, each once, in their three splits."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from edgecls.data import open_data
from edgecls.errors import MissingDependencyError
from edgecls.samples.groceries import _rows, unpack_groceries

try:
    _rows()
except MissingDependencyError as error:
    pytest.skip(f"needs the samples extra: {error}", allow_module_level=True)

pytestmark = [pytest.mark.samples, pytest.mark.xdist_group("groceries")]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("data") / "groceries"
    assert unpack_groceries(target)
    return target


def test_every_photo_stands_once_in_its_published_split(unpacked: Path) -> None:
    dataset = open_data(unpacked)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (675, 57, 661)
    assert (len(dataset.labels), dataset.problems) == (14, ())
    digests = Counter(p.digest for p in dataset.train + dataset.validation + dataset.test)
    assert set(digests.values()) == {1}


def test_unpacking_again_changes_nothing(unpacked: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in unpacked.rglob("*.jpg")}
    assert not unpack_groceries(unpacked)
    assert {path: path.stat().st_mtime_ns for path in unpacked.rglob("*.jpg")} == before


def test_a_lost_photo_is_unpacked_again(unpacked: Path) -> None:
    lost = next(unpacked.rglob("*.jpg"))
    content = lost.read_bytes()
    lost.unlink()
    assert unpack_groceries(unpacked)
    assert lost.read_bytes() == content
