"""Adaptive rounding: each weight goes up or down so that what its layer computes changes least on photos.

GPTQ (Frantar et al. 2022, arXiv:2210.17323, section 3; Optimal Brain Quantization, arXiv:2208.11580, with one order for
all rows): a layer's weights are rounded column by column, an input after the other, and what the rounding of one does
to the outputs is taken back by the columns that are still to come, as far as their inputs go along with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.preprocess import Pixels

Array = NDArray[np.floating[Any]]

PHOTOS = 64
BATCH = 4
SIDE = 14  # positions of a map in each direction that are looked at
MOST = (
    2304  # inputs of a layer; with more, as in a 3x3 convolution of 512 channels, the time grows out of hand
)
TOGETHER = 2**26  # numbers in the moments that are gathered in one pass over the photos
LEVELS = 127
DAMPING = 0.01  # of the mean moment, as in the paper
BLOCK = 128  # columns after which the rest is brought up to date


def round_weights(keras: Any, model: Any, pixels: Pixels) -> None:
    """Make the weights of a functional model multiples of what will be their steps in int8, in place.

    The step is a channel's largest magnitude over LEVELS. `pixels` are photos, uint8 RGB (n, h, w, 3), of which PHOTOS
    are enough. Layers with more than MOST inputs stay as they are.
    """
    layers = [layer for layer in model.layers if 1 < _columns(layer) <= MOST]
    for group in _groups(layers):
        for layer, moments in zip(group, _moments(keras, model, group, pixels), strict=True):
            kernel, *bias = layer.get_weights()
            rows = _as_rows(kernel, depthwise=_is_depthwise(layer))
            step = np.abs(rows).max(axis=-1) / LEVELS
            rounded = gptq(rows, step, moments)
            layer.set_weights([_as_kernel(rounded, kernel.shape, depthwise=_is_depthwise(layer)), *bias])


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


def _columns(layer: Any) -> int:
    """Inputs of one output; 0 for a layer without a kernel that can be rounded so."""
    kind = type(layer).__name__
    if kind == "Dense":
        return int(layer.kernel.shape[0])
    if kind == "DepthwiseConv2D" and layer.depth_multiplier == 1:
        return int(np.prod(layer.kernel.shape[:2]))
    if kind in ("Conv2D", "NativeConv2D") and layer.groups == 1:
        return int(np.prod(layer.kernel.shape[:3]))
    return 0


def _is_depthwise(layer: Any) -> bool:
    return type(layer).__name__ == "DepthwiseConv2D"


def _as_rows(kernel: Array, *, depthwise: bool) -> Array:
    """A kernel as (layers, outputs, inputs): each channel of a depthwise convolution is a layer of its own."""
    if depthwise:
        return kernel.reshape(-1, 1, kernel.shape[2]).T.astype(np.float64)
    return kernel.reshape(1, -1, kernel.shape[-1]).swapaxes(1, 2).astype(np.float64)


def _as_kernel(rows: Array, shape: tuple[int, ...], *, depthwise: bool) -> Array:
    return (rows.T if depthwise else rows.swapaxes(1, 2)).reshape(shape).astype(np.float32)


def _groups(layers: Sequence[Any]) -> list[list[Any]]:
    """Layers whose moments are gathered together, so that these stay small."""
    groups: list[list[Any]] = [[]]
    size = 0
    for layer in layers:
        numbers = _columns(layer) ** 2 * (layer.kernel.shape[2] if _is_depthwise(layer) else 1)
        if size + numbers > TOGETHER and groups[-1]:
            groups.append([])
            size = 0
        groups[-1].append(layer)
        size += numbers
    return groups


def _moments(keras: Any, model: Any, layers: Sequence[Any], pixels: Pixels) -> list[Array]:
    """Second moments of each layer's inputs over photos and positions, (layers, inputs, inputs)."""
    watching = keras.Model(model.inputs, [_moment(keras.ops, layer) for layer in layers])
    sums = [np.float64(0)] * len(layers)
    photos = pixels[:PHOTOS].astype(np.float32)
    for start in range(0, len(photos), BATCH):
        found = watching(photos[start : start + BATCH])
        found = found if isinstance(found, list) else [found]
        sums = [total + keras.ops.convert_to_numpy(one) for total, one in zip(sums, found, strict=True)]
    return [np.asarray(total, np.float64) for total in sums]


def _moment(ops: Any, layer: Any) -> Any:
    """The same for a batch, as a tensor of Keras."""
    columns = _columns(layer)
    if type(layer).__name__ == "Dense":
        samples = ops.reshape(layer.input, (1, -1, columns))
    elif _is_depthwise(layer):
        samples = ops.reshape(_patches(ops, layer), (-1, columns, layer.kernel.shape[2]))
        samples = ops.transpose(samples, (2, 0, 1))
    else:
        samples = ops.reshape(_patches(ops, layer), (1, -1, columns))
    return ops.matmul(ops.transpose(samples, (0, 2, 1)), samples)


def _patches(ops: Any, layer: Any) -> Any:
    """What a convolution sees from positions on a grid, (n, rows, columns, places of the kernel, channels).

    Not ops.image.extract_patches, which is a convolution with a unit matrix: 3 GB for 5x5 of 1152 channels.
    """
    size, apart, image = layer.kernel_size, layer.dilation_rate, layer.input
    reach = [(k - 1) * d for k, d in zip(size, apart, strict=True)]
    if layer.padding == "same":
        image = ops.pad(image, ((0, 0), *((r // 2, r - r // 2) for r in reach), (0, 0)))
    step = [s * ceil(n / SIDE) for s, n in zip(layer.strides, layer.output.shape[1:3], strict=True)]
    last = [n - r for n, r in zip(image.shape[1:3], reach, strict=True)]
    return ops.stack(
        [
            image[:, y : y + last[0] : step[0], x : x + last[1] : step[1]]
            for y in range(0, reach[0] + 1, apart[0])
            for x in range(0, reach[1] + 1, apart[1])
        ],
        axis=3,
    )
