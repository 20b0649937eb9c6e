"""Folding: weights trained behind another input scaling or norm epsilon, changed so that ours gives the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import ModelError
from edgecls.networks.network import Model
from edgecls.networks.scaling import Scaling

Array = NDArray[np.floating[Any]]
Arrays = dict[str, list[Array]]  # layer name -> its weights, in the order and layout of Keras

# Of torchvision and keras.applications; conv_preds is MobileNet's, conv_2 and logits are MobileNetV3's.
_HEADS = re.compile(r"(fc|classifier|predictions|head|aux|logits|conv_preds)|conv_2$", re.IGNORECASE)


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
    first, second = [*(layer for layer in backbone.layers if layer.weights), None][:2]
    if not _takes_colours(first) or not (first.use_bias or _is_norm_of(second, first)):
        raise ModelError(
            f"{backbone.name}: expected a convolution of red, green and blue with a bias or a norm of its own as the "
            f"first layer, to fold another scaling into, found {first.name}; "
            "use weights that were trained behind this network's own scaling"
        )
    kernel, gain = fold_scaling(found[first.name][0], theirs, ours)
    if first.use_bias:
        found[first.name] = [kernel, found[first.name][1] + gain]
    else:
        *rest, mean, variance = found[second.name]  # gamma and beta, or beta alone
        found[first.name] = [kernel]
        found[second.name] = [*rest, mean - gain, variance]


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


def refuse_surplus(convolutions: Iterable[str], *, where: str) -> None:
    """Raise ModelError when one of these, which the file has and the backbone has not, is of no head.

    A deeper sibling has every layer of a shallower network, trained to feed others. Dense layers and norms alone
    are not asked about: a user's own head may have any, and a deeper body has convolutions too.
    """
    surplus = [name for name in convolutions if not _HEADS.match(name)]
    if surplus:
        first = min(
            surplus, key=lambda name: [int(part) if part.isdecimal() else part for part in _parts(name)]
        )
        raise ModelError(
            f"{where}: expected no layers but the network's and a head, found {first}; "
            "use the weights of the same network, not of a deeper one"
        )


def _parts(name: str) -> list[str]:
    """conv4_block10 -> "conv", "4", "_block", "10", "": words and numbers in turn, so that 9 comes before 10."""
    return re.split(r"([0-9]+)", name)


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


def _takes_colours(layer: Any) -> bool:
    """Whether it is a convolution of three channels; LeNet's first sees their grey."""
    return type(layer).__name__ == "Conv2D" and layer.kernel.shape[2] == 3


def _is_norm_of(layer: Any, convolution: Any) -> bool:
    """Whether it norms what the convolution gives and nothing else; ENet's first norm has pooled pixels beside it."""
    return _is_norm(layer) and layer.input is convolution.output


def _is_norm(layer: Any) -> bool:
    return type(layer).__name__ == "BatchNormalization"
