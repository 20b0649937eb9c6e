"""Lint: what int8 will make of a network, told before it is trained or exported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.export.weights import ADVICE as ADVICE_BROKEN
from edgecls.export.weights import broken_layers
from edgecls.networks.cost import DEPTHWISE, EXCITE, HARD_SWISH, PRELU, SWISH, UNFUSED, Cost
from edgecls.networks.network import Model

# Batch normalisation gives a channel mean beta and deviation gamma; nearly all of it lies within this many deviations
# (Nagel et al. 2019, section 4.2, take the same for the range of an activation).
DEVIATIONS = 6
# One int8 scale serves all channels of an activation: at this ratio a middling channel has 6 of the 256 steps.
WIDE = 40.0
NOTHING = 1e-6

ADVICE = {
    PRELU: "cuts the graph into delegate partitions: an int8 ENet with it was slower than in float; use ReLU or ReLU6",
    SWISH: "has no fused int8 kernel and a tail below zero that takes steps from the rest; use ReLU6, or see the gate",
    HARD_SWISH: "is a multiplication of its own in int8, with a range of its own; use ReLU6, or see the gate",
    EXCITE: "multiplies maps by a factor for each channel, whose small values int8 rounds away; leave it out",
    DEPTHWISE: "sums few products, so that rounding shows; weights by channel and corrected biases make up for it",
    UNFUSED: "follows no convolution that it could be folded into: export makes one of it, an operation more for int8",
}
HARMLESS = (DEPTHWISE,)


@dataclass(frozen=True)
class Finding:
    """One thing int8 will notice. `severity` is "note", "warning" or "error"; `where` names the first layer."""

    severity: str
    what: str
    layers: int
    where: str
    advice: str


def lint_cost(cost: Cost) -> tuple[Finding, ...]:
    """What the architecture alone tells."""
    return tuple(
        Finding("note" if note in HARMLESS else "warning", note, count, "", ADVICE[note])
        for note, count in cost.notes.items()
        if count
    )


def lint_weights(model: Model) -> tuple[Finding, ...]:
    """What trained weights tell: numbers that are none, channels that are dead, ranges that differ too much."""
    return tuple(
        finding
        for finding in (
            _collect(
                "error", "weights that are NaN or infinite", broken_layers(model), ADVICE_BROKEN,
            ),
            _collect(
                "warning", "dead channels", _dead(model),
                "they give the same number for every picture; train again, or with fewer channels (--width)",
            ),
            _collect(
                "warning", "channels of very different range", _wide(model),
                f"one int8 scale serves them all, and the widest is over {WIDE:g} times a middling one; export brings "
                "them closer where no ReLU6 or swish is between; see the gate",
            ),
        )
        if finding is not None
    )  # fmt: skip


def _collect(severity: str, what: str, names: Iterator[str], advice: str) -> Finding | None:
    found = list(names)
    return Finding(severity, what, len(found), found[0], advice) if found else None


def _dead(model: Model) -> Iterator[str]:
    """Layers of which some channel's weights are all zero, or nothing beside the largest."""
    for layer in model.layers:
        kernels = _kernels(layer)
        if kernels is None:
            continue
        largest = np.abs(kernels).max(axis=0)
        if (largest <= NOTHING * largest[np.isfinite(largest)].max(initial=0)).any():
            yield str(layer.name)


def _wide(model: Model) -> Iterator[str]:
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization" and layer.scale and layer.center:
            gamma, beta = layer.get_weights()[:2]
            reach = np.abs(beta) + DEVIATIONS * np.abs(gamma)
            if reach.max() > WIDE * max(float(np.median(reach)), 1e-12):
                yield str(layer.name)


def _kernels(layer: Any) -> NDArray[np.float32] | None:
    """A layer's weights as (inputs, outputs), or None for a layer without a kernel."""
    kind, weights = type(layer).__name__, layer.get_weights()
    if kind in ("Conv2D", "Dense"):
        return np.asarray(weights[0]).reshape(-1, weights[0].shape[-1])
    if kind == "DepthwiseConv2D":
        kernel = np.asarray(weights[0])
        return kernel.reshape(kernel.shape[0] * kernel.shape[1], -1)
    return None
