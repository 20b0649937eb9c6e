"""Stable names for the layers that nobody named: the same network has the same names in every process."""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any


def settle_names(model: Any) -> None:
    """Number the unnamed layers and operations of a flat model from 0, in the order they were made.

    Keras counts them over the whole process: the first InceptionV3 has "conv2d" to "conv2d_93", the next one
    "conv2d_94" on. Weights that are found by name need the same names every time; these are the ones that a
    fresh process gives.
    """
    unnamed = sorted(
        (found for op in model.operations if (found := _number(op))), key=lambda found: found[:2]
    )
    for kind, group in groupby(unnamed, key=lambda found: found[0]):
        for i, (_, _, operation) in enumerate(group):
            operation.name = f"{kind}_{i}" if i else kind


def _number(operation: Any) -> tuple[str, int, Any] | None:
    """("conv2d", 12, operation) of one that Keras named "conv2d_12"; None of one with a name of its own."""
    kind = _snake_case(type(operation).__name__)
    match = re.fullmatch(rf"{kind}(?:_(\d+))?", operation.name)
    return (kind, int(match[1] or 0), operation) if match else None


def _snake_case(name: str) -> str:
    """The name Keras gives to an unnamed layer of this class: Conv2D is conv2d, ReLU is re_lu."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
