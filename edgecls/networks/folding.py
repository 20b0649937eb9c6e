"""Folding: weights trained behind another input scaling or norm epsilon, changed so that ours gives the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import ModelError
from edgecls.networks.network import Model
from edgecls.networks.scaling import Scaling

Array = NDArray[np.floating[Any]]
Arrays = dict[str, list[Array]]  # layer name -> its weights, in the order and layout of Keras


def fold_scaling(kernel: Array, theirs: Scaling, ours: Scaling) -> tuple[Array, Array]:
    """The kernel that gives on pixels scaled our way what `kernel` gives on theirs, and what its bias gains.

    `kernel` is (h, w, 3, filters) over red, green and blue; the gain is (filters,). Exact inside the picture. Where a
    tap lies on zero padding it is an approximation: zero stands for another colour in each scaling (TORCH and CAFFE:
    ImageNet's mean; SIGNED: mid-grey; UNIT: black).
    """
    scale = np.divide(theirs.scale, ours.scale)
    offset = np.subtract(theirs.offset, scale * ours.offset)
    wide = kernel.astype(np.float64)
    gain = (wide * offset[:, None]).sum(axis=(0, 1, 2))
    return (wide * scale[:, None]).astype(np.float32), gain.astype(np.float32)


def fold_epsilon(gamma: Array, variance: Array, *, theirs: float, ours: float) -> Array:
    """The gamma with which a batch normalisation of epsilon `ours` gives what it gave with `theirs`. Exact."""
    wide = variance.astype(np.float64)
    return (gamma * np.sqrt((wide + ours) / (wide + theirs))).astype(np.float32)


def fold_input(backbone: Model, found: Arrays, *, theirs: Scaling, ours: Scaling) -> None:
    """Fold the scaling into the first convolution of `found`, and into the norm behind it where it has no bias.

    Raises ModelError when the backbone does not begin with a convolution that can take it.
    """
    if theirs == ours:
        return
    first, second = [layer for layer in backbone.layers if layer.weights][:2]
    if type(first).__name__ != "Conv2D" or not (first.use_bias or _is_norm(second)):
        raise ModelError(
            f"{backbone.name}: expected a convolution with a bias or a norm as the first layer, found {first.name}; "
            "use weights that were trained behind this network's own scaling"
        )
    kernel, gain = fold_scaling(found[first.name][0], theirs, ours)
    if first.use_bias:
        found[first.name] = [kernel, found[first.name][1] + gain]
    else:
        gamma, beta, mean, variance = found[second.name]
        found[first.name] = [kernel]
        found[second.name] = [gamma, beta, mean - gain, variance]


def fold_norms(backbone: Model, found: Arrays, epsilon: float) -> None:
    """Fold `epsilon`, which the weights were trained with, into every batch normalisation that has another."""
    for layer in backbone.layers:
        if _is_norm(layer) and layer.epsilon != epsilon:
            gamma, beta, mean, variance = found[layer.name]
            folded = fold_epsilon(gamma, variance, theirs=epsilon, ours=layer.epsilon)
            found[layer.name] = [folded, beta, mean, variance]


def fill(backbone: Model, found: Mapping[str, Sequence[Array]], *, where: str) -> None:
    """Give each layer of the backbone that has weights those of its name; other names of `found` are ignored.

    Raises ModelError, and changes nothing, when a layer is missing or a shape differs.
    """
    check_fit(backbone, found, where=where)
    for layer in backbone.layers:
        if layer.weights:
            layer.set_weights(list(found[layer.name]))


def check_fit(backbone: Model, found: Mapping[str, Sequence[Array]], *, where: str) -> None:
    """Raise ModelError when a layer that has weights is missing in `found`, or a shape differs."""
    for layer in backbone.layers:
        if layer.weights:
            check_shapes(layer, [array.shape for array in found.get(layer.name, ())], where=where)


def check_shapes(layer: Any, found: Sequence[tuple[int, ...]], *, where: str) -> None:
    """Raise ModelError unless `found` are the shapes of the layer's weights."""
    expected = [tuple(variable.shape) for variable in layer.weights]
    if not found:
        raise ModelError(
            f"{where}: expected weights for layer {layer.name}, found none; use the weights of the same network"
        )
    if expected != list(found):
        raise ModelError(
            f"{where}: layer {layer.name}: expected weights of {_shapes(expected)}, found {_shapes(found)}; "
            "use the weights of the same network and width"
        )


def _shapes(shapes: Sequence[tuple[int, ...]]) -> str:
    return " and ".join("x".join(map(str, shape)) or "one number" for shape in shapes)


def _is_norm(layer: Any) -> bool:
    return type(layer).__name__ == "BatchNormalization"
