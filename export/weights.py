"""Weights of a Keras model that are no numbers, as a training that diverged leaves them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from edgecls.errors import ModelError

ADVICE = "nothing computed from them is right; train again at a lower --learning-rate"


def broken_layers(model: Any) -> Iterator[str]:
    """Names of the layers of which some weight is NaN or infinite."""
    for layer in model.layers:
        if any(not np.isfinite(weight).all() for weight in layer.get_weights()):
            yield str(layer.name)


def require_numbers(model: Any) -> None:
    """Raise ModelError, with the first such layer, when there is one."""
    names = list(broken_layers(model))
    if names:
        raise ModelError(
            f"expected trained weights, found NaN or infinite ones in {len(names)} layers, the first '{names[0]}': "
            f"{ADVICE}"
        )
