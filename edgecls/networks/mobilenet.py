"""MobileNetV2 and V3 (Sandler et al. 2018, Howard et al. 2019) as keras.applications builds them, pixels -1..1."""

from __future__ import annotations

from edgecls.networks.keras_applications import scalable_keras_body
from edgecls.networks.keras_download import KerasDownload
from edgecls.networks.network import Network
from edgecls.networks.scaling import SIGNED

MOBILENET_V2 = Network(
    name="mobilenet_v2",
    title="MobileNetV2",
    paper="Sandler et al. 2018, arXiv:1801.04381",
    body=scalable_keras_body("MobileNetV2"),
    scaling=SIGNED,
    size=224,
    min_size=32,
    unfreeze="block_13_expand",
    weights={"imagenet": KerasDownload("MobileNetV2", sizes=(96, 128, 160, 192, 224))},
    scalable=True,
)


def _v3(variant: str, unfreeze: str) -> Network:
    application = f"MobileNetV3{variant}"
    return Network(
        name=f"mobilenet_v3_{variant.lower()}",
        title=f"MobileNetV3 {variant}",
        paper="Howard et al. 2019, arXiv:1905.02244",
        body=scalable_keras_body(application, include_preprocessing=False),
        scaling=SIGNED,
        size=224,
        min_size=32,
        unfreeze=unfreeze,
        weights={
            "imagenet": KerasDownload(application, sizes=(224,), options={"include_preprocessing": False}),
        },
        scalable=True,
    )


# The first block at 1/32 of the picture's side, as in MobileNetV2.
MOBILENET_V3_SMALL = _v3("Small", "expanded_conv_8_expand")
MOBILENET_V3_LARGE = _v3("Large", "expanded_conv_12_expand")
