"""Network: a builder, its own input scaling, where its weights come from, and what fine-tuning unfreezes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgecls.errors import UsageError
from edgecls.preprocess import Crop

# Keras is imported by the builders alone, so a Model is Any here.
Model = Any
Builder = Callable[[int, int], Model]
WeightLoader = Callable[[Model], str]


@dataclass(frozen=True)
class Network:
    """One row of the Network table.

    `build(height, width)` gives the backbone, without a head: a functional Keras model whose input "image" is
    float32 of shape (None, height, width, 3) holding pixel values 0..255, whose first layers scale them, and
    whose output is one feature vector a picture, shape (None, features).
    `weights` maps the name of a source to a function that fills a backbone and returns where they came from.
    `unfreeze` names the first layer that fine-tuning trains when the user names none.
    """

    name: str
    title: str
    build: Builder
    size: int
    min_size: int
    unfreeze: str | None = None
    crop: Crop = Crop.CENTRE
    dropout: float = 0.0
    weights: Mapping[str, WeightLoader] = field(default_factory=dict)

    @property
    def default_weights(self) -> str:
        """Name of the first source, or "none"."""
        return next(iter(self.weights), "none")

    def check_size(self, size: int) -> int:
        """Return `size`, or raise UsageError when the network cannot take pictures that small."""
        if size < self.min_size:
            raise UsageError(
                f"{self.name} needs pictures of at least {self.min_size}x{self.min_size} pixels, found {size}; "
                f"choose --size {self.min_size} or more"
            )
        return size

    def load_weights(self, backbone: Model, source: str) -> str:
        """Fill `backbone` from the named source and return a sentence that says where from.

        Raises UsageError for a source that this network does not have.
        """
        if source == "none":
            return "random initialisation"
        if source not in self.weights:
            there = ", ".join([*self.weights, "none"])
            raise UsageError(f"{self.name} has no weights '{source}'; expected one of: {there}")
        return self.weights[source](backbone)
