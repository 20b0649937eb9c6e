"""Weights of keras.applications in our backbones: the same answers as Keras gives, from raw pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgecls.errors import DataError, ModelError
from edgecls.networks.table import NETWORKS

pytestmark = pytest.mark.xdist_group("networks")

# network: its function, and the module of its preprocessing.
FAMILIES = {
    "vgg16": ("VGG16", "vgg16"),
    "resnet50": ("ResNet50", "resnet"),
    "inception_v3": ("InceptionV3", "inception_v3"),
    "mobilenet_v2": ("MobileNetV2", "mobilenet_v2"),
    "mobilenet_v3_small": ("MobileNetV3Small", "inception_v3"),  # V3's own does nothing, it scales inside
    "efficientnet_b0": ("EfficientNetB0", "efficientnet"),
}


def make_donor(build: Any, **options: Any) -> Any:
    """Keras' network with weights that are made here, for nothing can be downloaded in a test."""
    donor = build(**{**options, "weights": None})
    random = np.random.default_rng(3)
    for layer in donor.layers:
        kind = type(layer).__name__
        if kind == "Normalization":  # as its ImageNet weights have it
            mean, variance = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225]) ** 2
            layer.set_weights([mean, variance, np.array(0)])
        elif layer.weights:
            layer.set_weights([made(random, weight.name, weight.shape) for weight in layer.weights])
    return donor


def made(random: np.random.Generator, name: str, shape: tuple[int, ...]) -> Any:
    if "kernel" in name:
        fan_in = np.prod(shape[:2]) if "depthwise" in name else np.prod(shape[:-1])
        return random.normal(0, np.sqrt(2 / fan_in), shape)
    return (
        random.uniform(0.8, 1.2, shape)
        if name in ("gamma", "moving_variance")
        else random.normal(0, 0.1, shape)
    )


def offer(monkeypatch: pytest.MonkeyPatch, keras: Any, application: str) -> Any:
    """Put made weights in the place of the downloaded ones; gives the donor that Keras would return."""
    build = getattr(keras.applications, application)

    def instead(**options: Any) -> Any:
        asked = options.pop("weights")
        return make_donor(build, **options) if asked == "imagenet" else build(weights=asked, **options)

    monkeypatch.setattr(keras.applications, application, instead)
    return instead


@pytest.mark.parametrize("name", FAMILIES)
def test_a_backbone_answers_as_keras_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras' network behind Keras' preprocessing against ours on raw pixels: scaling, colour order and names."""
    keras = pytest.importorskip("keras", reason="needs Keras, of the train extra")
    application, module = FAMILIES[name]
    network, preprocess = NETWORKS[name], getattr(keras.applications, module).preprocess_input
    pixels = np.random.default_rng(4).integers(0, 256, (2, network.min_size, network.min_size, 3))
    pixels = pixels.astype(np.float32)
    download = offer(monkeypatch, keras, application)
    options = {"include_preprocessing": False} if name.startswith("mobilenet_v3") else {}
    donor = download(include_top=False, weights="imagenet", input_shape=pixels.shape[1:], **options)
    expected = np.asarray(donor.predict_on_batch(preprocess(pixels.copy())))
    backbone = network.build(network.min_size)
    assert network.weights["imagenet"](backbone) == "ImageNet, downloaded by keras.applications"
    found = np.asarray(backbone.predict_on_batch(pixels))
    assert expected.std() > 0
    assert found == pytest.approx(expected, abs=1e-3 * float(np.abs(expected).max()))


def test_weights_of_another_width_name_the_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    keras = pytest.importorskip("keras", reason="needs Keras, of the train extra")
    network = NETWORKS["mobilenet_v2"]
    offer(monkeypatch, keras, "MobileNetV2")
    with pytest.raises(
        ModelError, match=r"keras\.applications: layer Conv1: expected weights of 3x3x3x16, found"
    ):
        network.weights["imagenet"](network.build(96, 0.5))


def test_no_connection_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    keras = pytest.importorskip("keras", reason="needs Keras, of the train extra")
    network = NETWORKS["mobilenet_v2"]
    backbone = network.build(32)

    def refuse(**options: Any) -> Any:
        raise OSError("Name or service not known")

    monkeypatch.setattr(keras.applications, "MobileNetV2", refuse)
    with pytest.raises(DataError, match=r"mobilenet_v2 could not be downloaded .*--weights none"):
        network.weights["imagenet"](backbone)
