"""Bias correction: what the rounding of weights adds to a layer's mean output is taken off its bias beforehand.

Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction", section 4.2, with
input means observed on the calibration photos: bias' = bias - (rounded W - W) E[x]. The corrected float model
is only a source to quantize from; in float it would be worse.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PHOTOS = 64  # means settle long before ranges do

Weights = NDArray[np.float32]


def dense_shift(weights: Weights, mean: Weights, *, levels: int) -> Weights:
    """Shift of the mean output, (out,), of weights (out, ..., in) whose inputs have these means, (in,).

    Kernel positions between are summed: the border's padding is not looked at. `levels` is the largest
    quantized weight, 127 for int8.
    """
    rounding = _rounding(weights, levels)
    return np.asarray(rounding.reshape(len(weights), -1, weights.shape[-1]).sum(axis=1) @ mean, np.float32)


def depthwise_shift(weights: Weights, mean: Weights, *, levels: int) -> Weights:
    """Shift of the mean output, (channels,), of weights (channels, ...) and mean inputs (channels,)."""
    return np.asarray(_rounding(weights, levels).reshape(len(weights), -1).sum(axis=1) * mean, np.float32)


def _rounding(weights: Weights, levels: int) -> Weights:
    """Rounded minus real weights, with one symmetric scale for each output channel, the first axis."""
    others = tuple(range(1, weights.ndim))
    scale = np.maximum(np.abs(weights).max(axis=others, keepdims=True) / levels, 1e-12)
    return np.asarray(np.rint(weights / scale) * scale - weights, np.float32)
