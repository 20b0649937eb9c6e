"""The ImageNet weights that keras.applications downloads, copied layer by layer."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgecls.errors import DataError, need
from edgecls.networks.folding import Arrays, fill
from edgecls.networks.naming import settle_names
from edgecls.networks.network import Model


@dataclass(frozen=True)
class KerasDownload:
    """A loader of weights for backbones that are built like `keras.applications.APPLICATION`.

    `sizes` are the sides that Keras has weights of their own for; the last one serves every other side.
    `reversed_input` names the first convolution of weights that were trained on blue, green, red: the channels
    of its kernel are turned round, since pixels are red, green, blue here. `options` go to keras.applications.
    """

    application: str
    sizes: tuple[int, ...] = ()
    reversed_input: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, backbone: Model) -> str:
        """Fill the backbone.

        Raises DataError when the weights cannot be downloaded, ModelError when shapes differ, as they do at
        another width.
        """
        options = dict(self.options)
        if self.sizes:
            side = backbone.input_shape[1]
            known = side if side in self.sizes else self.sizes[-1]
            options["input_shape"] = (known, known, 3)
        fill(backbone, self.arrays(self._donor(backbone.name, options)), where="keras.applications")
        return "ImageNet, downloaded by keras.applications"

    def arrays(self, donor: Model) -> Arrays:
        """The donor's weights by the name of the layer."""
        settle_names(donor)
        found = {layer.name: layer.get_weights() for layer in donor.layers if layer.weights}
        if self.reversed_input:
            kernel, *rest = found[self.reversed_input]
            found[self.reversed_input] = [np.ascontiguousarray(kernel[:, :, ::-1]), *rest]
        return found

    def _donor(self, network: str, options: Mapping[str, Any]) -> Model:
        keras = need("keras", "train")
        build = getattr(keras.applications, self.application)
        try:
            with contextlib.redirect_stdout(sys.stderr):  # Keras says on stdout what it downloads
                return build(include_top=False, weights="imagenet", **options)
        except Exception as error:  # urllib raises whatever its handlers raise
            raise DataError(
                f"the ImageNet weights of {network} could not be downloaded ({error}); "
                "connect to the internet, or train with --weights none --regime scratch"
            ) from error
