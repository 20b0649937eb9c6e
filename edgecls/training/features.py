"""The feature store: a photo passes a frozen network once, whatever the number of epochs, heads and seeds."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.data import Loaded
from edgecls.files import digest_json, write_bytes
from edgecls.metrics import Indices
from edgecls.progress import Tick
from edgecls.training.augment import augment_batch

BATCH = 16

Features = NDArray[np.float32]


@dataclass(frozen=True)
class Vectors:
    """Feature vectors, float32 (n, features), and their classes, int64 (n,)."""

    values: Features
    truth: Indices


@dataclass(frozen=True)
class View:
    """Which augmented view of a photo: its number, and how it may be drawn. Every training has the same ones."""

    number: int
    flip: bool
    cutout: float = 0.0


@dataclass(frozen=True)
class Frozen:
    """A network that is not trained, from pixels to feature vectors, and the key of everything it computes."""

    model: Any
    key: str


def freeze(model: Any, circumstances: object) -> Frozen:
    """`model` with the key of its weights and of what else its features depend on, given as JSON values."""
    digest = hashlib.sha256(digest_json([model.name, circumstances]).encode())
    for array in model.get_weights():
        digest.update(np.ascontiguousarray(array).data)
    return Frozen(model, digest.hexdigest()[:32])


class FeatureStore:
    """Features by frozen network and photo, in memory and, with a folder, on disk for the next training."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._rows: dict[str, dict[str, Features]] = {}

    def vectors(
        self, frozen: Frozen, loaded: Loaded, *, view: View | None = None, tick: Tick | None = None
    ) -> Features:
        """The features of each photo, or of that view of it, in order; only photos not seen yet are computed."""
        name = frozen.key if view is None else f"{frozen.key}-{view.number}-{int(view.flip)}-{view.cutout:g}"
        if name not in self._rows:
            self._rows[name] = self._read(name)
        rows = self._rows[name]
        missing = [i for i, photo in enumerate(loaded.photos) if photo.digest not in rows]
        if missing:
            computed = _compute(frozen.model, loaded, missing, view=view, tick=tick)
            rows.update(zip((loaded.photos[i].digest for i in missing), computed, strict=True))
            self._write(name, rows)
        elif tick:
            tick(len(loaded), len(loaded))
        return np.stack([rows[photo.digest] for photo in loaded.photos])

    def _read(self, name: str) -> dict[str, Features]:
        if self._folder is None:
            return {}
        try:
            with np.load(self._folder / f"{name}.npz", allow_pickle=False) as stored:
                return dict(zip(stored["digests"].tolist(), stored["features"], strict=True))
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
            return {}  # absent or damaged: computed again

    def _write(self, name: str, rows: dict[str, Features]) -> None:
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        np.savez(buffer, digests=np.array(list(rows)), features=np.stack(list(rows.values())))
        write_bytes(self._folder / f"{name}.npz", buffer.getvalue())


def photo_vectors(
    store: FeatureStore, frozen: Frozen, loaded: Loaded, views: tuple[View, ...], tick: Tick | None = None
) -> Vectors:
    """Features of each photo as it is, then of each view of all photos: (1 + views) * n rows."""
    parts = 1 + len(views)
    rows = [
        store.vectors(frozen, loaded, view=view, tick=_part(tick, part, parts))
        for part, view in enumerate((None, *views))
    ]
    return Vectors(np.concatenate(rows), np.tile(loaded.truth, parts))


def _compute(
    model: Any, loaded: Loaded, chosen: list[int], *, view: View | None, tick: Tick | None
) -> Features:
    def batch(start: int) -> NDArray[np.uint8]:
        indices = chosen[start : start + BATCH]
        if view is None:
            return loaded.pixels[indices]
        return np.concatenate([_augment(loaded, i, view) for i in indices])

    return _run_all(model, batch, len(chosen), tick)


def _augment(loaded: Loaded, index: int, view: View) -> NDArray[np.uint8]:
    """The view depends on the photo alone, so that it is the same whatever photos stand beside it."""
    photo = int(loaded.photos[index].digest[:12], 16)
    rng = np.random.default_rng((view.number, photo))
    return augment_batch(loaded.pixels[index : index + 1], rng, flip=view.flip, cutout=view.cutout)


def run_padded(model: Any, batch: NDArray[np.generic]) -> Features:
    """Run a batch filled up to BATCH rows, so that the backend compiles one shape only."""
    filled = np.zeros((BATCH, *batch.shape[1:]), np.float32)
    filled[: len(batch)] = batch
    return np.asarray(model.predict_on_batch(filled), np.float32)[: len(batch)]


def predict_all(model: Any, values: NDArray[np.generic], tick: Tick | None = None) -> Features:
    """The model's answers to all rows of `values`, float32 (n, ...), in order."""
    return _run_all(model, lambda start: values[start : start + BATCH], len(values), tick)


def _run_all(
    model: Any, batch: Callable[[int], NDArray[np.generic]], count: int, tick: Tick | None
) -> Features:
    first = run_padded(model, batch(0))
    rows = np.empty(
        (count, *first.shape[1:]), np.float32
    )  # one array: a list of parts would need twice the memory
    for start in range(0, count, BATCH):
        done = min(start + BATCH, count)
        rows[start:done] = run_padded(model, batch(start)) if start else first
        if tick:
            tick(done, count)
    return rows


def _part(tick: Tick | None, part: int, parts: int) -> Tick | None:
    if tick is None:
        return None
    return lambda done, total: tick(part * total + done, parts * total)
