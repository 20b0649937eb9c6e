"""The feature cache: a photo passes the frozen network once, not once an epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.data import Loaded
from edgecls.metrics import Indices
from edgecls.progress import Tick
from edgecls.training.augment import Augmentation, augment_batch

BATCH = 16

Features = NDArray[np.float32]


@dataclass(frozen=True)
class Vectors:
    """Feature vectors, float32 (n, features), and their classes, int64 (n,)."""

    values: Features
    truth: Indices


def extract(backbone: Any, loaded: Loaded, tick: Tick | None = None) -> Vectors:
    """The backbone's features of each photo, in order."""
    return Vectors(_predict(backbone, loaded, None, tick), loaded.truth)


def extract_views(
    backbone: Any, loaded: Loaded, views: int, *, seed: int, tick: Tick | None = None
) -> Vectors:
    """Features of each photo as it is, then of `views` augmented views of all photos: (1 + views) * n rows."""
    rows = [_predict(backbone, loaded, None, _part(tick, 0, views + 1))]
    for view in range(views):
        rng = np.random.default_rng((seed, view))
        rows.append(_predict(backbone, loaded, rng, _part(tick, view + 1, views + 1)))
    return Vectors(np.concatenate(rows), np.tile(loaded.truth, views + 1))


def _predict(backbone: Any, loaded: Loaded, rng: np.random.Generator | None, tick: Tick | None) -> Features:
    rows = []
    for start in range(0, len(loaded), BATCH):
        batch = loaded.pixels[start : start + BATCH]
        if rng is not None:
            batch = augment_batch(batch, rng, Augmentation())
        rows.append(run_padded(backbone, batch))
        if tick:
            tick(min(start + BATCH, len(loaded)), len(loaded))
    return np.concatenate(rows)


def run_padded(model: Any, batch: NDArray[np.uint8]) -> Features:
    """Run a batch filled up to BATCH rows, so that the backend compiles one shape only."""
    filled = np.zeros((BATCH, *batch.shape[1:]), np.float32)
    filled[: len(batch)] = batch
    return np.asarray(model.predict_on_batch(filled), np.float32)[: len(batch)]


def _part(tick: Tick | None, part: int, parts: int) -> Tick | None:
    if tick is None:
        return None
    return lambda done, total: tick(part * total + done, parts * total)
