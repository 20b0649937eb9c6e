"""MobileNetV2 (Sandler et al. 2018) as keras.applications builds it, with its scaling x / 127.5 - 1 inside."""

from __future__ import annotations

import contextlib
import sys

from edgecls.errors import DataError, need
from edgecls.networks.network import Model, Network


def build_mobilenet_v2(height: int, width: int) -> Model:
    """MobileNetV2's backbone, 1280 features."""
    keras = need("keras", "train")
    image = keras.Input((height, width, 3), name="image")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="scaling")(image)
    body = keras.applications.MobileNetV2(input_tensor=scaled, include_top=False, weights=None)
    features = keras.layers.GlobalAveragePooling2D(name="features")(body.output)
    return keras.Model(image, features, name="mobilenet_v2")


def load_imagenet_mobilenet_v2(backbone: Model) -> str:
    """Fill the backbone with the ImageNet weights that keras.applications downloads.

    Raises DataError when they cannot be downloaded.
    """
    keras = need("keras", "train")
    size = backbone.input_shape[1]
    known = size if size in (96, 128, 160, 192, 224) else 224  # keras.applications has weights for these
    try:
        with contextlib.redirect_stdout(sys.stderr):  # Keras says on stdout what it downloads
            donor = keras.applications.MobileNetV2(
                input_shape=(known, known, 3), include_top=False, weights="imagenet"
            )
    except Exception as error:  # urllib raises whatever its handlers raise
        raise DataError(
            f"the ImageNet weights of mobilenet_v2 could not be downloaded ({error}); "
            "connect to the internet, or train with --weights none --regime scratch"
        ) from error
    for layer in donor.layers:
        if layer.weights:
            backbone.get_layer(layer.name).set_weights(layer.get_weights())
    return "ImageNet, downloaded by keras.applications"


MOBILENET_V2 = Network(
    name="mobilenet_v2",
    title="MobileNetV2",
    build=build_mobilenet_v2,
    size=224,
    min_size=32,
    unfreeze="block_13_expand",
    weights={"imagenet": load_imagenet_mobilenet_v2},
)
