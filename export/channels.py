"""Which channels of a Keras model can be rescaled, and which of them only together."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

CONVOLVING = ("Conv2D", "Dense", "DepthwiseConv2D")
SCALED = (*CONVOLVING, "BatchNormalization")
PASSING = (
    "Activation", "AveragePooling2D", "Cropping2D", "Dropout", "GlobalAveragePooling2D", "GlobalMaxPooling2D",
    "LeakyReLU", "MaxPooling2D", "ReLU", "SpatialDropout2D", "ZeroPadding2D",
)  # fmt: skip


class Channels:
    """The channels of a model's tensors, their last axis, in groups that take one factor.

    `scaled` are the layers whose weights can take a factor on either side, `stored` the tensors that an int8 model
    stores: not those in the middle of what it computes at once, as a convolution with its ReLU.
    """

    def __init__(self) -> None:
        self._parents: list[int] = []  # of each channel, towards the one that stands for its group
        self._first: dict[int, int] = {}
        self._fixed: list[int] = []
        self.scaled: list[Any] = []
        self.stored: list[Any] = []

    @property
    def count(self) -> int:
        """Of all channels; a group is known by the number of one of them."""
        return len(self._parents)

    @property
    def fixed(self) -> Numbers:
        """The groups that must stay as they are."""
        return np.array(sorted({self._root(channel) for channel in self._fixed}), np.int64)

    def of(self, tensor: Any) -> Numbers:
        """The group of each channel of a tensor, (channels,)."""
        if id(tensor) not in self._first:
            self._first[id(tensor)] = self.count
            self._parents += range(self.count, self.count + tensor.shape[-1])
        first = self._first[id(tensor)]
        return np.array([self._root(channel) for channel in range(first, first + tensor.shape[-1])], np.int64)

    def tie(self, some: Numbers, others: Numbers) -> None:
        """Make one group of two, pair by pair."""
        for one, other in zip(some.tolist(), others.tolist(), strict=True):
            self._parents[self._root(one)] = self._root(other)

    def fix(self, *tensors: Any) -> None:
        """Let no factor be taken by any channel of these."""
        for tensor in tensors:
            self._fixed += self.of(tensor).tolist()

    def scalable(self) -> list[Any]:
        """The stored tensors with a channel that need not stay as it is."""
        fixed = self.fixed
        return [one for one in self.stored if not np.isin(self.of(one), fixed).all()]

    def families(self) -> Numbers:
        """For each channel the number of its family: groups that lie in one stored tensor are of one, (count,)."""
        together = Channels()
        together._parents = [self._root(channel) for channel in range(self.count)]
        for tensor in self.stored:
            groups = self.of(tensor)
            together.tie(groups[1:], groups[:-1])
        return np.array([together._root(channel) for channel in range(self.count)], np.int64)

    def _root(self, channel: int) -> int:
        while self._parents[channel] != channel:
            self._parents[channel] = self._parents[self._parents[channel]]
            channel = self._parents[channel]
        return channel


def read_channels(model: Any) -> Channels:
    """The channels of a functional Keras model. Around a layer that is not known here they stay as they are."""
    channels = Channels()
    readers: dict[int, list[Any]] = defaultdict(list)
    for layer in model.operations:
        _read(layer, channels)
        for tensor in _list(layer.input):
            readers[id(tensor)].append(layer)
    channels.fix(*model.inputs, *model.outputs)
    outputs = [(layer, tensor) for layer in model.operations for tensor in _list(layer.output)]
    channels.stored = [
        tensor
        for layer, tensor in outputs
        if not readers[id(tensor)] or not all(_at_once(layer, reader) for reader in readers[id(tensor)])
    ]
    return channels


def _read(layer: Any, channels: Channels) -> None:
    kind, inputs, output = type(layer).__name__, _list(layer.input), layer.output
    groups = [channels.of(tensor) for tensor in inputs]
    if kind in SCALED and _on_last_axis(layer):
        channels.scaled.append(layer)
        if not _lets_through(layer):
            channels.fix(output)
    elif kind in PASSING and _lets_through(layer):
        channels.tie(groups[0], channels.of(output))
    elif kind == "Flatten":
        channels.tie(np.resize(groups[0], output.shape[-1]), channels.of(output))
    elif kind == "Concatenate" and layer.axis in (-1, len(output.shape) - 1):
        channels.tie(np.concatenate(groups), channels.of(output))
    elif kind == "Add" and all(tensor.shape == output.shape for tensor in inputs):
        for group in groups:
            channels.tie(group, channels.of(output))
    elif kind != "InputLayer":
        channels.fix(*inputs, *_list(output))


def _on_last_axis(layer: Any) -> bool:
    if type(layer).__name__ == "BatchNormalization":
        return layer.axis in (-1, len(layer.input.shape) - 1)
    return getattr(layer, "groups", 1) == 1


def _lets_through(layer: Any) -> bool:
    """Whether a positive factor in front of its nonlinearity is the same factor behind it."""
    if type(layer).__name__ == "ReLU":
        return layer.max_value is None and not layer.threshold
    return layer.get_config().get("activation", "linear") in ("linear", "relu", "leaky_relu")


def _at_once(layer: Any, reader: Any) -> bool:
    """Whether an int8 model computes a layer and its reader as one and stores only what the reader gives."""
    kind = type(reader).__name__
    if kind == "BatchNormalization":
        return type(layer).__name__ in CONVOLVING
    return kind in ("Dropout", "ReLU", "SpatialDropout2D") or (kind == "Activation" and _lets_through(reader))


def _list(tensors: Any) -> list[Any]:
    return list(tensors) if isinstance(tensors, list | tuple) else [tensors]
