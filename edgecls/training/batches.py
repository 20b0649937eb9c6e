"""Batches for training the network itself: seeded order, optional balanced sampling and augmentation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.metrics import Indices
from edgecls.training.augment import augment_batch

Order = NDArray[np.int64]


def epoch_order(truth: Indices, *, balance: str, seed: int, epoch: int) -> Order:
    """Indices of one epoch, as many as photos: shuffled, or drawn so that every class is equally likely.

    The same seed and epoch give the same order, so that a resumed run sees what an unbroken one would.
    """
    rng = np.random.default_rng((seed, epoch))
    if balance != "sampling":
        return rng.permutation(len(truth))
    counts = np.bincount(truth)
    weights = 1.0 / counts[truth]
    return rng.choice(len(truth), size=len(truth), p=weights / weights.sum())


def class_weights(truth: Indices) -> dict[int, float]:
    """Weights inversely proportional to a class's photos, mean 1 over the photos."""
    counts = np.bincount(truth)
    return {int(i): len(truth) / (np.count_nonzero(counts) * n) for i, n in enumerate(counts) if n}


def make_batches(
    keras: Any,
    values: NDArray[np.generic],
    truth: Indices,
    *,
    batch_size: int,
    balance: str = "none",
    augment: bool = False,
    flip: bool = True,
    cutout: float = 0.0,
    seed: int = 0,
    first_epoch: int = 0,
) -> Any:
    """A keras.utils.PyDataset of (float32 values, int64 classes); the last batch may be smaller.

    `values` are pixels 0..255 of shape (n, h, w, 3), the only ones that can be augmented, or feature vectors.
    """

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self._epoch = first_epoch
            self._order = self._next_order()

        def _next_order(self) -> Order:
            return epoch_order(truth, balance=balance, seed=seed, epoch=self._epoch)

        def __len__(self) -> int:
            return -(-len(truth) // batch_size)

        def __getitem__(self, index: int) -> tuple[NDArray[np.float32], Indices]:
            chosen = self._order[index * batch_size : (index + 1) * batch_size]
            batch = values[chosen]
            if augment:
                rng = np.random.default_rng((seed, self._epoch, index))
                batch = augment_batch(np.asarray(batch, np.uint8), rng, flip=flip, cutout=cutout)
            return batch.astype(np.float32, copy=False), truth[chosen]

        def on_epoch_end(self) -> None:
            self._epoch += 1
            self._order = self._next_order()

    return Batches()
