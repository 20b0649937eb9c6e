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
    that calls each layer once, the model goes on from its output. Dropout in the trunk is off: no weight there needs it.
    """
    steps = backbone.operations  # its layers, and what has none, such as padding
    trained = next((i for i, step in enumerate(steps) if _has_weights(keras, step, trained=True)), 0)
    for position in range(trained, 0, -1):
        below, above = steps[:position], steps[position:]
        crossing = _crossing(below, above)
        if len(crossing) == 1 and any(_has_weights(keras, step) for step in below):
            (tensor,) = crossing
            return Cut(keras.Model(backbone.input, tensor), keras.Model(tensor, model.output))
    return None


def _has_weights(keras: Any, step: Any, *, trained: bool = False) -> bool:
    if not isinstance(step, keras.layers.Layer):
        return False
    return bool(step.trainable_weights if trained else step.weights)


def _crossing(below: Sequence[Any], above: Sequence[Any]) -> list[Any]:
    """The tensors that steps `below` make and steps `above` take, each once."""
    made = {id(tensor) for step in below for tensor in _listed(step.output)}
    taken = {id(tensor): tensor for step in above for tensor in _listed(step.input)}
    return [tensor for key, tensor in taken.items() if key in made]


def _listed(tensors: Any) -> list[Any]:
    return list(tensors) if isinstance(tensors, list | tuple) else [tensors]
