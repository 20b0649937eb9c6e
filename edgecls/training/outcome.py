"""What a trained classifier is worth: its scores on held-out photos."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgecls.data import Loaded, Tick
from edgecls.metrics import Probabilities
from edgecls.training.features import BATCH, run_padded


def score(model: Any, loaded: Loaded, tick: Tick | None = None) -> Probabilities:
    """Probabilities of each photo, float32 (n, classes), in order."""
    rows = []
    for start in range(0, len(loaded), BATCH):
        rows.append(run_padded(model, loaded.pixels[start : start + BATCH]))
        if tick:
            tick(min(start + BATCH, len(loaded)), len(loaded))
    return np.concatenate(rows)
