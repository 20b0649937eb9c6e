"""The feature cache: each photo passes the frozen network once per view, whatever the epochs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.data import Loaded
from edgecls.photos import DataSet, Photo
from edgecls.runs import TrainingConfig
from edgecls.training import features
from edgecls.training.features import BATCH, FeatureStore, Frozen, View, photo_vectors, run_padded

pytestmark = pytest.mark.xdist_group("training")


class CountingBackbone:
    """Gives a picture's mean colour, and keeps the shapes of its batches and what it saw."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.seen: list[bytes] = []

    def predict_on_batch(self, batch: np.ndarray) -> np.ndarray:
        self.shapes.append(batch.shape)
        self.seen += [picture.tobytes() for picture in batch if picture.any()]
        return np.asarray(batch.mean(axis=(1, 2)))


def loaded(count: int) -> Loaded:
    pixels = np.random.default_rng(0).integers(1, 256, (count, 16, 16, 3), np.uint8)
    photos = tuple(Photo(str(i), i % 3, f"{i:064x}") for i in range(count))
    return Loaded(pixels, np.arange(count, dtype=np.int64) % 3, photos, ())


def vectors(backbone: CountingBackbone, photos: Loaded, store: FeatureStore | None = None) -> Any:
    return (store or FeatureStore()).vectors(Frozen(backbone, "key"), photos)


def views(backbone: CountingBackbone, photos: Loaded, count: int) -> Any:
    drawn = tuple(View(number, flip=True) for number in range(count))
    return photo_vectors(FeatureStore(), Frozen(backbone, "key"), photos, drawn)


def test_every_photo_passes_the_backbone_once_and_in_order() -> None:
    backbone, photos = CountingBackbone(), loaded(37)
    values = vectors(backbone, photos)
    assert len(backbone.seen) == len(set(backbone.seen)) == 37
    assert np.allclose(values, photos.pixels.mean(axis=(1, 2)), atol=1e-3)
    assert values.dtype == np.float32


def test_all_batches_have_one_shape_so_that_one_is_compiled() -> None:
    backbone = CountingBackbone()
    vectors(backbone, loaded(37))
    assert set(backbone.shapes) == {(BATCH, 16, 16, 3)}


def test_a_filled_up_batch_gives_its_own_rows_alone() -> None:
    assert run_padded(CountingBackbone(), loaded(3).pixels).shape == (3, 3)


def test_a_stored_photo_does_not_pass_again_whatever_stands_beside_it() -> None:
    backbone, store = CountingBackbone(), FeatureStore()
    first = vectors(backbone, loaded(20), store)
    more = vectors(backbone, loaded(30), store)
    assert len(backbone.seen) == 30
    assert np.array_equal(more[:20], first)


def test_another_process_finds_the_features_on_disk(tmp_path: Path) -> None:
    first = vectors(CountingBackbone(), loaded(20), FeatureStore(tmp_path))
    backbone = CountingBackbone()
    assert np.array_equal(vectors(backbone, loaded(20), FeatureStore(tmp_path)), first)
    assert backbone.seen == []


@pytest.mark.parametrize("left", [0, 50])
def test_damaged_features_are_computed_again(tmp_path: Path, left: int) -> None:
    vectors(CountingBackbone(), loaded(5), FeatureStore(tmp_path))
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[:left])
    backbone = CountingBackbone()
    vectors(backbone, loaded(5), FeatureStore(tmp_path))
    assert len(backbone.seen) == 5


def test_views_pass_once_each_beside_the_photo_as_it_is() -> None:
    backbone, photos = CountingBackbone(), loaded(10)
    seen = views(backbone, photos, 2)
    assert len(backbone.seen) == 30
    assert np.allclose(seen.values[:10], photos.pixels.mean(axis=(1, 2)), atol=1e-3)
    assert seen.truth.tolist() == photos.truth.tolist() * 3
    assert not np.allclose(seen.values[10:20], seen.values[20:])


def test_views_are_the_same_in_every_training_and_differ_from_one_another() -> None:
    once, again = (views(CountingBackbone(), loaded(10), 2).values for _ in range(2))
    assert np.array_equal(once, again)
    assert not np.array_equal(once[10:20], once[20:])


def test_progress_counts_the_photos_of_all_views() -> None:
    heard: list[tuple[int, int]] = []
    photo_vectors(
        FeatureStore(),
        Frozen(CountingBackbone(), "key"),
        loaded(20),
        (View(0, flip=False),),
        lambda done, total: heard.append((done, total)),
    )
    assert heard == [(16, 40), (20, 40), (36, 40), (40, 40)]


@pytest.mark.parametrize(("epochs", "augment"), [(1, 0), (6, 0), (6, 1)])
def test_training_a_head_runs_the_network_once_per_photo_and_view_and_not_once_an_epoch(
    tmp_path: Path,
    dataset: DataSet,
    config: Callable[..., TrainingConfig],
    progress: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    epochs: int,
    augment: int,
) -> None:
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    from edgecls.training.train import train

    passed: list[int] = []

    def counted(model: Any, batch: np.ndarray) -> np.ndarray:
        if batch.ndim == 4:  # pixels and not the vectors that the head is asked about
            passed.append(len(batch))
        return np.asarray(run_padded(model, batch))

    monkeypatch.setattr(features, "run_padded", counted)
    result = train(
        dataset, config(epochs=epochs, augment=augment), runs=tmp_path / "runs", progress=progress()
    )
    assert len(result.record.history["loss"]) == epochs
    seen = len(dataset.train) * (1 + augment) + len(dataset.validation) + len(dataset.test)
    assert sum(passed) == seen
