"""Second moments of what a layer multiplies its weights by, on photos: how far its inputs go along with each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.export.activations import PHOTOS, batches
from edgecls.preprocess import Pixels

Array = NDArray[np.floating[Any]]

# Positions of a map in each direction that are looked at; a depthwise convolution has few inputs.
SIDE, SIDE_DEPTHWISE = 14, 7


def columns_of(layer: Any) -> int:
    """Inputs of one output; 0 for a layer without a kernel that can be rounded so."""
    kind = type(layer).__name__
    if kind == "Dense":
        return int(layer.kernel.shape[0])
    if kind == "DepthwiseConv2D" and layer.depth_multiplier == 1:
        return int(np.prod(layer.kernel.shape[:2]))
    if kind in ("Conv2D", "NativeConv2D") and layer.groups == 1:
        return int(np.prod(layer.kernel.shape[:3]))
    return 0


def is_depthwise(layer: Any) -> bool:
    return type(layer).__name__ == "DepthwiseConv2D"


def second_moments(keras: Any, model: Any, layers: Sequence[Any], pixels: Pixels) -> Iterator[Array]:
    """Second moments of each layer's inputs over photos and positions, (layers, inputs, inputs), one after the other.

    As int8 will have them: rounding the inputs to steps of d adds d * d / 12 to each of its own.
    """
    watching = keras.Model(model.inputs, [layer.input for layer in layers])
    gathered = [InputMoments(layer) for layer in layers]
    for photos in batches(pixels[:PHOTOS]):
        found = watching(photos)
        for one, values in zip(gathered, found if len(layers) > 1 else [found], strict=True):
            one.add(keras.ops.convert_to_numpy(values))
    while gathered:  # these are large: none is kept once its moments are made
        yield gathered.pop(0).moments()


class InputMoments:
    """The moments of one layer's inputs, and what their range is."""

    def __init__(self, layer: Any) -> None:
        self._layer = layer
        self._sum: NDArray[Any] = np.zeros((1, 1, 1))
        self._samples = 0
        self._low = self._high = 0.0

    def add(self, values: NDArray[np.float32]) -> None:
        """Inputs of a batch, as the layer takes them."""
        samples = samples_of(self._layer, values)
        self._sum = self._sum + np.swapaxes(samples, 1, 2) @ samples
        self._samples += samples.shape[1]
        self._low, self._high = min(self._low, float(values.min())), max(self._high, float(values.max()))

    def moments(self) -> Array:
        noise = ((self._high - self._low) / 255) ** 2 / 12
        mean = np.asarray(self._sum, np.float64) / self._samples
        return shrunk(mean, self._samples) + noise * np.eye(mean.shape[-1])


def shrunk(moments: Array, samples: int) -> Array:
    """Mean second moments, (layers, inputs, inputs), towards what inputs without anything in common would have.

    Oracle approximating shrinkage (Chen et al. 2010, arXiv:0907.4698, equation 23): of fewer samples than inputs, what
    inputs seem to have in common is mostly chance.
    """
    size = moments.shape[-1]
    trace = np.trace(moments, axis1=1, axis2=2)
    squares = (moments**2).sum(axis=(1, 2))
    apart = (samples + 1 - 2 / size) * (squares - trace**2 / size)
    share = np.divide((1 - 2 / size) * squares + trace**2, apart, out=np.ones_like(trace), where=apart > 0)
    share = np.clip(share, 0, 1)[:, None, None]
    return np.asarray((1 - share) * moments + share * (trace / size)[:, None, None] * np.eye(size))


def samples_of(layer: Any, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a layer multiplies, (layers, positions, inputs) as in `_as_rows`."""
    if type(layer).__name__ == "Dense":
        return values.reshape(1, -1, values.shape[-1])
    patches = _patches(layer, values)
    if is_depthwise(layer):
        return patches.reshape(-1, *patches.shape[3:]).transpose(2, 0, 1)
    return patches.reshape(1, -1, patches.shape[3] * patches.shape[4])


def _patches(layer: Any, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a convolution sees from positions on a grid, (n, rows, columns, places of the kernel, channels)."""
    apart = layer.dilation_rate
    reach = [(k - 1) * d for k, d in zip(layer.kernel_size, apart, strict=True)]
    if layer.padding == "same":
        sides = zip(image.shape[1:3], layer.strides, reach, strict=True)
        image = np.pad(image, ((0, 0), *(_same_padding(n, s, r) for n, s, r in sides), (0, 0)))
    side = SIDE_DEPTHWISE if is_depthwise(layer) else SIDE
    step = [s * ceil(n / side) for s, n in zip(layer.strides, layer.output.shape[1:3], strict=True)]
    last = [n - r for n, r in zip(image.shape[1:3], reach, strict=True)]
    return np.stack(
        [
            image[:, y : y + last[0] : step[0], x : x + last[1] : step[1]]
            for y in range(0, reach[0] + 1, apart[0])
            for x in range(0, reach[1] + 1, apart[1])
        ],
        axis=3,
    )


def _same_padding(size: int, stride: int, reach: int) -> tuple[int, int]:
    """Zeros before and behind, as TensorFlow's "SAME" has them."""
    total = max((ceil(size / stride) - 1) * stride + reach + 1 - size, 0)
    return total // 2, total - total // 2
