"""The frozen trunk below the layers that fine-tuning trains: photos that do not change pass it once, not every epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any


@dataclass(frozen=True)
class Cut:
    """A model in two: `trunk` from pixels to one map, `tail` from that map to the model's answer.

    They share their layers with the model, so that training the tail trains the model.
    """

    trunk: Any
    tail: Any

    @property
    def map_bytes(self) -> int:
        """Of one photo's map in float32."""
        return 4 * int(prod(self.trunk.output.shape[1:]))


def cut_frozen(keras: Any, backbone: Any, model: Any) -> Cut | None:
    """Cut `model` below the first layer of `backbone` that is trained, where a single map connects the two parts.

    None when nothing below has weights, as where the whole network is trained. The backbone is a functional model
    that calls each layer once, the model goes on from its output.
    """
    layers = backbone.layers
    trained = next((i for i, layer in enumerate(layers) if layer.trainable_weights), 0)
    for position in range(trained, 0, -1):
        crossing = _crossing(layers[:position], layers[position:])
        if len(crossing) == 1 and any(layer.weights for layer in layers[:position]):
            (tensor,) = crossing
            return Cut(keras.Model(backbone.input, tensor), keras.Model(tensor, model.output))
    return None


def _crossing(below: Sequence[Any], above: Sequence[Any]) -> list[Any]:
    """The tensors that layers `below` make and layers `above` take, each once."""
    made = {id(tensor) for layer in below for tensor in _listed(layer.output)}
    taken = {id(tensor): tensor for layer in above for tensor in _listed(layer.input)}
    return [tensor for key, tensor in taken.items() if key in made]


def _listed(tensors: Any) -> list[Any]:
    return list(tensors) if isinstance(tensors, list | tuple) else [tensors]
