"""Adaptive rounding: each weight goes up or down so that what its layer computes changes least on photos.

GPTQ (Frantar et al. 2022, arXiv:2210.17323, section 3; Optimal Brain Quantization, arXiv:2208.11580, with one order for
all rows): a layer's weights are rounded column by column, an input after the other, and what the rounding of one does
to the outputs is taken back by the columns that are still to come, as far as their inputs go along with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import ModelError
from edgecls.export.input_moments import Array, columns_of, is_depthwise, second_moments
from edgecls.export.rounded_weights import LEVELS, RoundedLayer
from edgecls.preprocess import Pixels

# Inputs of a layer; with more, as in a 3x3 convolution of 512 channels, the time grows out of hand.
MOST = 2304
TOGETHER = 2**26  # numbers in the moments that are gathered in one pass over the photos
DAMPING = 0.01  # of the mean moment, as in the paper
BLOCK = 128  # columns after which the rest is brought up to date


def round_weights(keras: Any, model: Any, pixels: Pixels) -> list[RoundedLayer]:
    """Weights of a functional model's layers as multiples of what will be their steps in int8, in the model's order.

    The step is a channel's largest magnitude over LEVELS. `pixels` are photos, uint8 RGB (n, h, w, 3), of which PHOTOS
    are enough. Layers with more than MOST inputs are left out, and those with a kernel that `columns_of` does not know.
    Raises ModelError for inputs of a layer that are no numbers.
    """
    layers = [layer for layer in model.layers if 1 < columns_of(layer) <= MOST]
    done = []
    for group in _groups(layers):
        for layer, moments in zip(group, second_moments(keras, model, group, pixels), strict=True):
            if not np.isfinite(moments).all():
                raise ModelError(
                    f"layer '{layer.name}': expected inputs that are numbers, found NaN or infinite ones on "
                    "photos; train with a lower --learning-rate, or export float with --no-int8"
                )
            rows = _as_rows(layer.get_weights()[0], depthwise=is_depthwise(layer))
            rounded = gptq(rows.copy(), np.abs(rows).max(axis=-1) / LEVELS, moments)
            done.append(RoundedLayer(_as_table(rows), _as_table(rounded)))
    return done


def gptq(weights: Array, step: Array, moments: Array) -> Array:
    """Weights as multiples of `step`, at most LEVELS of them.

    `weights` are (layers, outputs, inputs), `step` is (layers, outputs) and `moments` are the inputs' second moments,
    (layers, inputs, inputs); all float64.
    """
    order = np.argsort(-np.diagonal(moments, axis1=1, axis2=2), axis=1)
    weights = np.take_along_axis(weights, order[:, None, :], axis=2)
    moments = np.take_along_axis(moments, order[:, :, None], axis=1)
    moments = np.take_along_axis(moments, order[:, None, :], axis=2)
    factor = _factor(moments)
    step = np.where(step > 0, step, 1.0)
    for start in range(0, weights.shape[2], BLOCK):
        stop = min(start + BLOCK, weights.shape[2])
        errors = np.zeros((*weights.shape[:2], stop - start))
        for j in range(start, stop):
            column = weights[:, :, j]
            rounded = np.clip(np.rint(column / step), -LEVELS, LEVELS) * step
            error = (column - rounded) / factor[:, None, j, j]
            weights[:, :, j] = rounded
            weights[:, :, j + 1 : stop] -= error[:, :, None] * factor[:, None, j, j + 1 : stop]
            errors[:, :, j - start] = error
        weights[:, :, stop:] -= errors @ factor[:, start:stop, stop:]
    return np.take_along_axis(weights, np.argsort(order, axis=1)[:, None, :], axis=2)


def _factor(moments: Array) -> Array:
    """The upper triangular factor of the inverse, as the paper's section 3.3 takes it from Cholesky."""
    size = moments.shape[1]
    mean = np.trace(moments, axis1=1, axis2=2) / size
    damped = moments + np.where(mean > 0, DAMPING * mean, 1.0)[:, None, None] * np.eye(size)
    return np.swapaxes(np.linalg.cholesky(np.linalg.inv(damped)), 1, 2)


def _as_rows(kernel: Array, *, depthwise: bool) -> Array:
    """A kernel as (layers, outputs, inputs): each channel of a depthwise convolution is a layer of its own."""
    if depthwise:
        return kernel.reshape(-1, 1, kernel.shape[2]).T.astype(np.float64)
    return kernel.reshape(1, -1, kernel.shape[-1]).swapaxes(1, 2).astype(np.float64)


def _as_table(rows: Array) -> NDArray[np.float32]:
    return rows.reshape(-1, rows.shape[-1]).astype(np.float32)


def _groups(layers: Sequence[Any]) -> list[list[Any]]:
    """Layers whose moments are gathered together, so that these stay small."""
    groups: list[list[Any]] = [[]]
    size = 0
    for layer in layers:
        numbers = columns_of(layer) ** 2 * (layer.kernel.shape[2] if is_depthwise(layer) else 1)
        if size + numbers > TOGETHER and groups[-1]:
            groups.append([])
            size = 0
        groups[-1].append(layer)
        size += numbers
    return [group for group in groups if group]
