"""What a picture becomes inside a network: the maps after chosen layers, and which channels answer strongest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import UsageError
from edgecls.metrics import Indices
from edgecls.preprocess import Pixels

Map = NDArray[np.float32]

SCALING = "scaling"
PADDING = "ZeroPadding2D"  # another size, but nothing new to see
SHOWN = 8  # as many layers as a reader looks through


@dataclass(frozen=True)
class LayerMap:
    """What one layer makes of one picture: `values` are float32 (h, w, channels)."""

    layer: str
    values: Map


def map_layers(model: Any) -> list[Any]:
    """The layers of a flat functional model that give maps, (None, h, w, channels), from input to head.

    Operations such as keras.ops.pad count as layers: what Keras lists as `model.layers` leaves them out.
    """
    return [layer for layer in model.operations[1:] if len(layer.output.shape) == 4]


def choose_layers(model: Any, names: Sequence[str] | None) -> tuple[str, ...]:
    """`names` in their order and each once; without them the scaling and what `usual_layers` gives.

    Raises UsageError for a layer that is not there or gives no map.
    """
    there = [layer.name for layer in map_layers(model)]
    if names is None:
        return tuple(name for name in there[:1] if name == SCALING) + usual_layers(model)
    for name in names:
        if name not in there:
            raise UsageError(
                f"--layers: expected names of layers that give maps, found '{name}'; there are: {', '.join(there)}"
            )
    if not names:
        raise UsageError(f"--layers: expected names with commas, found none; there are: {', '.join(there)}")
    return tuple(dict.fromkeys(names))


def usual_layers(model: Any, most: int = SHOWN) -> tuple[str, ...]:
    """At most so many layers after which the map has another size or other channels, evenly through the depth.

    Of the layers between two changes it is the last one, normalised and activated. Layers beside a shortcut are
    passed over: they hold a part of what the network knows of the picture. The last map is always there.
    """
    trunk = [layer for layer in _trunk(model) if layer.name != SCALING and type(layer).__name__ != PADDING]
    changes = [
        layer.name
        for layer, after in zip(trunk, [*trunk[1:], None], strict=True)
        if after is None or after.output.shape != layer.output.shape
    ]
    if len(changes) <= most:
        return tuple(changes)
    places = np.linspace(0, len(changes) - 1, most).round().astype(int)
    return tuple(changes[place] for place in places)


def _trunk(model: Any) -> list[Any]:
    """The map layers that everything passes through: no layer behind them reads what lies before them."""
    place = {id(layer.output): i for i, layer in enumerate(model.operations)}
    read_until = [0] * len(place)
    for i, layer in enumerate(model.operations[1:], start=1):
        for tensor in layer.input if isinstance(layer.input, list) else [layer.input]:
            read_until[place[id(tensor)]] = i
    before = list(accumulate([0, *read_until], max))
    return [
        layer for layer in map_layers(model) if before[place[id(layer.output)]] <= place[id(layer.output)]
    ]


def layer_maps(
    keras: Any, model: Any, pixels: Pixels, *, layers: Sequence[str]
) -> tuple[tuple[LayerMap, ...], Map]:
    """The maps after `layers`, and the probabilities, float32 (classes,), of one preprocessed picture.

    `pixels` are uint8 RGB (height, width, 3) as Preprocess gives them.
    """
    outputs_of = {layer.name: layer.output for layer in model.operations}
    outputs = [*(outputs_of[name] for name in layers), model.output]
    found = keras.Model(model.input, outputs)(pixels[None].astype(np.float32), training=False)
    *maps, scores = (np.asarray(keras.ops.convert_to_numpy(value)[0], np.float32) for value in found)
    return tuple(LayerMap(name, values) for name, values in zip(layers, maps, strict=True)), scores


def strongest(values: Map, count: int) -> Indices:
    """Numbers of the `count` channels of a map (h, w, channels) that vary most over the picture, int64.

    By standard deviation, because a picture shows what lies between a channel's least and greatest value; by
    their mean magnitude where that is equal, as in a map of one pixel.
    """
    spread, magnitude = values.std(axis=(0, 1)), np.abs(values).mean(axis=(0, 1))
    return np.lexsort((-magnitude, -spread))[:count].astype(np.int64)
