"""Network: a body, its own input scaling, where its weights come from, and what fine-tuning unfreezes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgecls.errors import UsageError, need
from edgecls.networks.naming import settle_names
from edgecls.networks.scaling import RAW, Scaling

# Keras is imported by the bodies alone, so tensors and models are Any here.
Tensor = Any
Model = Any
Body = Callable[[Tensor, float], Tensor]
WeightLoader = Callable[[Model], str]

# How a head takes the backbone's map: its mean a channel and one dense layer; flattened, with a hidden layer of
# 256; or with the hidden layers that the network's own paper puts there.
HEADS = ("pool", "flatten-256", "paper")

# What batch normalisation keeps of its running statistics at each step, at most, as PyTorch does. A few hundred photos
# give too few steps for them to arrive with the 0.99 and 0.999 of keras.applications.
NORM_MOMENTUM = 0.9


@dataclass(frozen=True)
class Network:
    """One row of the Network table.

    `body(x, width)` takes scaled pixels, a Keras tensor (None, size, size, 3), to a map of features
    (None, h, w, channels); every layer it makes has a name of its own that tells where it stands. `width`
    multiplies the channels of a network that is `scalable`; the others are built at 1.
    `scaling` is what the first layer, named "scaling", does to raw pixels; RAW when the body does it.
    `size` is the paper's side of a picture, `min_size` the smallest the body can take, and where it pads and so
    could take anything, what one cell of its last map stands for (ENet: 32).
    `weights` maps the name of a source to a function that fills a backbone and returns where they came from.
    `unfreeze` names the first of its late layers, which fine-tuning may train instead of all of them (None: the
    network has no weights to begin with), `fine_tune_rate` is the rate of Adam with which all of them are tuned.
    `hidden` are the hidden units of the paper's own head; empty where it is pooling and one dense layer.
    `head` is the kind a run gets when the user names none. `paper` cites the publication.
    """

    name: str
    title: str
    paper: str
    body: Body
    scaling: Scaling
    size: int
    min_size: int
    unfreeze: str | None = None
    fine_tune_rate: float = 1e-4
    weights: Mapping[str, WeightLoader] = field(default_factory=dict)
    scalable: bool = False
    hidden: tuple[int, ...] = ()
    head: str = "pool"

    def build(self, size: int, width: float = 1.0) -> Model:
        """The backbone, without pooling and head: raw pixels to a map.

        A functional Keras model whose input "image" is float32 of shape (None, size, size, 3) holding pixel
        values 0..255. Raises UsageError for a size or width that the network cannot have.
        """
        keras = need("keras", "train")
        self.check_size(size)
        self.check_width(width)
        image = x = keras.Input((size, size, 3), name="image")
        if self.scaling != RAW:
            x = _scale(keras, image, self.scaling)
        model = keras.Model(image, self.body(x, width), name=self.name)
        settle_names(model)
        for layer in model.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = min(layer.momentum, NORM_MOMENTUM)
        return model

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

    def check_width(self, width: float) -> float:
        """Return `width`, or raise UsageError when the network has no such width."""
        if not 0.1 <= width <= 4:
            raise UsageError(f"--width: expected a factor of 0.1 to 4, found {width:g}")
        if width != 1 and not self.scalable:
            raise UsageError(f"{self.name} has one width only, found --width {width:g}; leave it out")
        return width


def _scale(keras: Any, image: Tensor, scaling: Scaling) -> Tensor:
    scale, offset = list(scaling.scale), list(scaling.offset)
    if (
        len(set(scale)) == len(set(offset)) == 1
    ):  # plain numbers make a smaller graph than vectors of one value
        return keras.layers.Rescaling(scale[0], offset[0], name="scaling")(image)
    return keras.layers.Rescaling(scale, offset, name="scaling")(image)
