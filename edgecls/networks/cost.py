"""What a model costs before anybody trains it: parameters, multiply-adds, memory, and what int8 makes of it.

Counted from the layers of a flat Keras model in which each layer is called once; nothing is computed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from edgecls.networks.network import Model

# What int8 notices, in the order of the report.
PRELU, SWISH, HARD_SWISH = "PReLU", "swish", "hard-swish"
EXCITE, DEPTHWISE, UNFUSED = "squeeze-and-excite", "depthwise", "unfused batch norm"
NOTES = (PRELU, SWISH, HARD_SWISH, EXCITE, DEPTHWISE, UNFUSED)

_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D")
# They write over what they read where nobody else reads it, or are fused into the layer before.
_IN_PLACE = (
    *("BatchNormalization", "ReLU", "PReLU", "Activation", "Rescaling"),
    *("Dropout", "SpatialDropout2D", "Flatten", "Reshape"),
)


@dataclass(frozen=True)
class LayerCost:
    """One layer; `shape` is its output's without the batch."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class Cost:
    """What a model costs for one picture.

    `peak_numbers` is how many activation numbers must be held at once, when the operations run in Keras' order:
    the largest sum, over all operations, of what the operation reads and writes and of what was written before
    it and is still to be read. Batch normalisation, activations, dropout and reshaping write over their input
    where nobody else reads it. One byte a number in int8, four in float32; weights, the engine itself and its
    work space are not in it. `notes` counts, by the names of NOTES, what int8 kernels fuse or quantize badly.
    """

    layers: tuple[LayerCost, ...]
    peak_numbers: int
    notes: dict[str, int]

    @property
    def parameters(self) -> int:
        """All of them, the statistics of batch normalisation too."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """Of convolutions and dense layers, which are nearly all of them; one multiplication with its sum is one."""
        return sum(layer.multiply_adds for layer in self.layers)

    def then(self, head: Cost) -> Cost:
        """This model followed by another."""
        notes = {note: self.notes[note] + head.notes[note] for note in NOTES}
        return Cost(self.layers + head.layers, max(self.peak_numbers, head.peak_numbers), notes)


@contextmanager
def shapes_only(keras: Any) -> Iterator[None]:
    """Models made inside have shapes and no numbers, which takes a quarter of the time and no memory.

    For a process that makes nothing else: Keras would fill them when the next scope of this kind ends.
    """
    with keras.StatelessScope(initialize_variables=False):
        yield


def cost_of(model: Model) -> Cost:
    """Count a flat Keras model in which each layer is called once."""
    layers = tuple(_layer_cost(layer) for layer in model.layers if type(layer).__name__ != "InputLayer")
    return Cost(layers, _peak_numbers(model), _notes(model))


def _layer_cost(layer: Any) -> LayerCost:
    parameters = sum(math.prod(weight.shape) for weight in layer.weights)
    shape = tuple(layer.output.shape[1:])
    return LayerCost(layer.name, type(layer).__name__, shape, parameters, _multiply_adds(layer))


def _multiply_adds(layer: Any) -> int:
    """Multiply-adds of one layer: what each number of its output takes, times how many there are."""
    kind, output = type(layer).__name__, _numbers(layer.output)
    if kind == "Dense":
        return output * int(layer.input.shape[-1])
    if kind not in _CONVOLUTIONS:
        return 0
    window, channels = math.prod(map(int, layer.kernel_size)), int(layer.input.shape[-1])
    if kind == "Conv2D":
        return output * window * channels // int(layer.groups)
    if kind == "DepthwiseConv2D":
        return output * window
    between = channels * int(layer.depth_multiplier)  # SeparableConv2D: a depthwise convolution and a 1x1 one
    return output // int(layer.filters) * between * window + output * between


def _numbers(tensor: Any) -> int:
    """How many numbers a tensor holds for one picture."""
    return math.prod(map(int, tensor.shape[1:]))


def _inputs(operation: Any) -> list[Any]:
    """The tensors an operation reads; none for an input."""
    if type(operation).__name__ == "InputLayer":
        return []
    return list(operation.input) if isinstance(operation.input, list | tuple) else [operation.input]


def _readers(model: Model) -> Counter[int]:
    """By the id of a tensor: how many operations read it."""
    counts = Counter(id(tensor) for operation in model.operations for tensor in _inputs(operation))
    return counts + Counter(id(tensor) for tensor in model.outputs)


def _peak_numbers(model: Model) -> int:
    readers = _readers(model)
    buffer: dict[int, int] = {}  # id of a tensor -> number of the operation that made room for it
    size: dict[int, int] = {}
    last: dict[int, int] = {}
    for i, operation in enumerate(model.operations):
        sources = _inputs(operation)
        for tensor in sources:
            last[buffer[id(tensor)]] = i
        over = type(operation).__name__ in _IN_PLACE and readers[id(sources[0])] == 1
        place = buffer[id(sources[0])] if over else i
        buffer[id(operation.output)] = place
        size.setdefault(place, _numbers(operation.output))
        last[place] = i
    held = [0] * len(model.operations)
    for place, numbers in size.items():
        for i in range(place, last[place] + 1):
            held[i] += numbers
    return max(held)


def _notes(model: Model) -> dict[str, int]:
    readers = _readers(model)
    maker = {id(operation.output): operation for operation in model.operations}
    found = Counter(dict.fromkeys(NOTES, 0))
    for layer in model.operations:
        found[_note(layer, maker, readers)] += 1
    return {note: found[note] for note in NOTES}


def _note(layer: Any, maker: dict[int, Any], readers: Counter[int]) -> str:
    """Which of NOTES a layer is counted under; "" for none."""
    kind = type(layer).__name__
    if kind == "Multiply":
        return EXCITE if _scales_channels(layer) else ""
    if kind == "BatchNormalization":
        before = maker[id(layer.input)]
        fused = _is_linear_convolution(before) and readers[id(layer.input)] == 1
        return "" if fused else UNFUSED
    activation = getattr(getattr(layer, "activation", None), "__name__", "")
    named = {"silu": SWISH, "swish": SWISH, "hard_silu": HARD_SWISH, "hard_swish": HARD_SWISH}
    kinds = {"PReLU": PRELU, "DepthwiseConv2D": DEPTHWISE, "SeparableConv2D": DEPTHWISE}
    return named.get(activation, kinds.get(kind, ""))


def _is_linear_convolution(layer: Any) -> bool:
    convolves = type(layer).__name__ in (*_CONVOLUTIONS, "Dense")
    return convolves and layer.activation.__name__ == "linear"


def _scales_channels(layer: Any) -> bool:
    """A map times one number a channel, as squeeze-and-excite ends."""
    shapes = [tuple(tensor.shape[1:]) for tensor in _inputs(layer)]
    return len(shapes) == 2 and shapes[0] != shapes[1]
