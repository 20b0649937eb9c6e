"""Cross-layer equalisation: channels brought to one range before conversion, so that one int8 scale serves them all.

A channel is divided by a factor where it is computed and multiplied by it where it is read (Nagel et al. 2019,
arXiv:1906.04721, section 4.1). What lies between must let a positive factor through: ReLU, pooling, padding,
concatenation, addition. ReLU6, swish and sigmoid do not. The network computes what it did.

The factors come from activations, as in Xiao et al. 2022, arXiv:2211.10438: int8 has one scale for all channels of
an activation, and one for each channel of weights. What an activation gains, the weights that read it lose: how far to
go (their alpha) is chosen where the noise of both together is least.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.export.activations import batches
from edgecls.export.channels import Channels, Numbers, read_channels
from edgecls.preprocess import Pixels

Array = NDArray[np.floating[Any]]

# How far a channel's range is brought to that of the widest: 0 not at all, 1 all the way.
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
# A channel is not widened more than this: one that is zero nearly everywhere would be all rounding.
MOST = 16.0
ONE_TO_ONE = ("BatchNormalization", "DepthwiseConv2D")


@dataclass(frozen=True)
class Seen:
    """What the channels of a tensor were on photos: largest magnitude and mean square, each (channels,)."""

    largest: Array
    square: Array


def equalise(keras: Any, model: Any, pixels: Pixels) -> None:
    """Change the weights of a functional model so that its int8 has less noise on photos, uint8 RGB (n, h, w, 3).

    PHOTOS of them are enough. What the model computes stays, but for rounding in float32.
    """
    channels = read_channels(model)
    scalable = channels.scalable()
    if not scalable:
        return
    factors = choose_factors(channels, _see(keras, model, scalable, pixels))
    for layer in channels.scaled:
        before, after = factors[channels.of(layer.input)], factors[channels.of(layer.output)]
        layer.set_weights(_rescaled(layer, before, after))


def choose_factors(channels: Channels, seen: Mapping[int, Seen]) -> Array:
    """What each channel is to be divided by, (count,). `seen` are the scalable tensors by id.

    The strength is one for a family, and the one with the least noise in what all layers compute that read of it.
    """
    families = channels.families()
    ratios = _ratios(channels, families, seen)
    readers = [layer for layer in channels.scaled if id(layer.input) in seen]
    best, least = np.zeros(channels.count), np.full(channels.count, np.inf)
    for strength in STRENGTHS:
        noise = np.zeros(channels.count)
        for layer in readers:
            groups = channels.of(layer.input)
            noise[families[groups[0]]] += _noise(layer, seen[id(layer.input)], ratios[groups] ** strength)
        better = noise < least
        best[better], least[better] = strength, noise[better]
    return np.asarray(ratios ** best[families])


def _ratios(channels: Channels, families: Numbers, seen: Mapping[int, Seen]) -> Array:
    """Range of each channel's group over that of the widest in its family; 1 for what must stay."""
    reach, widest = np.zeros(channels.count), np.zeros(channels.count)
    for tensor in channels.scalable():
        np.maximum.at(reach, channels.of(tensor), seen[id(tensor)].largest)
    np.maximum.at(widest, families, reach)
    widest = widest[families]
    ratios = np.divide(reach, widest, out=np.ones_like(reach), where=reach > 0)
    ratios = np.maximum(ratios, 1 / MOST)
    ratios[channels.fixed] = 1.0
    return ratios


def _noise(layer: Any, seen: Seen, factors: Array) -> float:
    """Noise over signal that int8 adds to what a layer computes, both as powers, a mean of its outputs.

    Rounding to steps of d has the power d * d / 12; channels count as independent.
    """
    step = 2 * (seen.largest / factors).max() / 255
    noise = (factors * step) ** 2 / 12
    if type(layer).__name__ in ONE_TO_ONE:  # the scale of the weights' own channel takes the factor
        return _ratio(noise, seen.square)
    kernel = layer.get_weights()[0]
    kernel = kernel.reshape(-1, *kernel.shape[-2:])  # (taps, inputs, outputs)
    power = (kernel**2).sum(axis=0).T
    steps = np.abs(kernel * factors[:, None]).max(axis=(0, 1)) / 127
    of_weights = len(kernel) * (seen.square / factors**2).sum() * steps**2 / 12
    return _ratio(power @ noise + of_weights, power @ seen.square)


def _ratio(noise: Array, signal: Array) -> float:
    alive = signal > 0
    return float((noise[alive] / signal[alive]).mean()) if alive.any() else 0.0


def _see(keras: Any, model: Any, tensors: Sequence[Any], pixels: Pixels) -> dict[int, Seen]:
    """These tensors on photos, by id; a batch leaves two numbers for each channel and nothing else."""
    ops = keras.ops
    axes = [tuple(range(len(tensor.shape) - 1)) for tensor in tensors]
    largest = [ops.max(ops.abs(tensor), axis=axis) for tensor, axis in zip(tensors, axes, strict=True)]
    square = [ops.mean(ops.square(tensor), axis=axis) for tensor, axis in zip(tensors, axes, strict=True)]
    watching = keras.Model(model.inputs, [*largest, *square])
    found = [map(ops.convert_to_numpy, watching(photos)) for photos in batches(pixels)]
    columns = [np.stack(column) for column in zip(*found, strict=True)]
    return {
        id(tensor): Seen(columns[i].max(axis=0), columns[i + len(tensors)].mean(axis=0))
        for i, tensor in enumerate(tensors)
    }


def _rescaled(layer: Any, before: Array, after: Array) -> list[Array]:
    """A layer's weights for inputs divided by `before`, (inputs,), and outputs to be divided by `after`, (outputs,)."""
    weights = [weight.astype(np.float64) for weight in layer.get_weights()]
    if type(layer).__name__ == "BatchNormalization":
        rescaled = _rescaled_norm(layer, weights, before, after)
    else:
        kernel, *bias = weights
        by_output = after.reshape(kernel.shape[2:]) if type(layer).__name__ == "DepthwiseConv2D" else after
        rescaled = [kernel * before[:, None] / by_output, *(values / after for values in bias)]
    return [weight.astype(np.float32) for weight in rescaled]


def _rescaled_norm(layer: Any, weights: list[Array], before: Array, after: Array) -> list[Array]:
    """Gamma takes the factors, or where there is none the variance."""
    *learnt, mean, variance = weights
    if layer.scale:
        learnt[0] = learnt[0] * before / after
    else:
        variance = (variance + layer.epsilon) * (after / before) ** 2 - layer.epsilon
    if layer.center:
        learnt[-1] = learnt[-1] / after
    return [*learnt, mean / before, variance]
