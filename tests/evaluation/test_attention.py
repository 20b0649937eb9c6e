"""Grad-CAM: equal to what can be computed by hand, and honest when nothing speaks for a class."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.errors import UsageError
from edgecls.evaluation.activations import layer_maps
from edgecls.evaluation.attention import Heat, attention
from edgecls.preprocess import Pixels

keras = pytest.importorskip("keras", reason="needs Keras, of the train extra")
pytestmark = pytest.mark.xdist_group("training")

Classifier = Callable[..., Any]

# Trains nothing: a pooled head over one convolution, and how far Grad-CAM is from the class activation map.
ON_JAX = """
import numpy as np, keras
from edgecls.evaluation.attention import attention
from edgecls.training.classifier import build_head, join, vectorize
keras.utils.set_random_seed(7)
image = keras.Input((8, 8, 3), name="image")
backbone = keras.Model(image, keras.layers.Conv2D(5, 3, activation="relu", name="map")(image))
vectors = vectorize(keras, backbone, "pool")
model = join(keras, vectors, build_head(keras, 5, 3, hidden=(), dropout=0.2))
pixels = np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8)
kernel = np.asarray(model.get_layer("probabilities").kernel)
cam = np.maximum(np.asarray(backbone(pixels[None].astype(np.float32)))[0] @ kernel[:, 1], 0)
found = attention(keras, model, pixels, label=1)
assert keras.backend.backend() == "jax" and found.shape == (6, 6) and cam.any()
assert np.allclose(found, cam / cam.max(), atol=1e-4), (found, cam)
"""


def last_map(model: Any, pixels: Pixels) -> np.ndarray[Any, np.dtype[np.float32]]:
    (found,), _ = layer_maps(keras, model, pixels, layers=["second_relu6"])
    return found.values


def normalised(raw: np.ndarray[Any, Any]) -> Heat:
    positive = np.maximum(raw, 0)
    assert positive.any(), "the example must have something to show"
    return np.asarray(positive / positive.max(), np.float32)


@pytest.mark.parametrize("label", [0, 1, 2])
def test_behind_a_pooled_head_it_is_the_class_activation_map(
    classifier: Classifier, pixels: Pixels, label: int
) -> None:
    model = classifier("pool")
    kernel = model.get_layer("probabilities").get_weights()[0]
    found = attention(keras, model, pixels, label=label)
    assert (str(found.dtype), found.shape, float(found.max())) == ("float32", (8, 8), 1.0)
    assert np.allclose(found, normalised(last_map(model, pixels) @ kernel[:, label]), atol=1e-5)


def test_behind_hidden_layers_channels_weigh_their_mean_gradient(
    classifier: Classifier, pixels: Pixels
) -> None:
    model = classifier("flatten", hidden=(20,))
    maps = last_map(model, pixels)
    hidden, bias = model.get_layer("head_dense1").get_weights()
    active = maps.ravel() @ hidden + bias > 0
    gradient = hidden @ (active * model.get_layer("probabilities").get_weights()[0][:, 2])
    assert 0 < active.sum() < 20
    weights = gradient.reshape(maps.shape).mean(axis=(0, 1))
    assert np.allclose(attention(keras, model, pixels, label=2), normalised(maps @ weights), atol=1e-4)


def test_classes_are_looked_at_apart(classifier: Classifier, pixels: Pixels) -> None:
    model = classifier()
    first, second = (attention(keras, model, pixels, label=label) for label in (0, 1))
    assert np.abs(first - second).max() > 0.1


def test_where_nothing_speaks_for_the_class_all_is_zero(classifier: Classifier, pixels: Pixels) -> None:
    model = classifier()
    head = model.get_layer("probabilities")
    kernel, bias = head.get_weights()
    kernel[:, 1] = -1  # the last map is a ReLU's and nowhere negative
    head.set_weights([kernel, bias])
    found = attention(keras, model, pixels, label=1)
    assert (str(found.dtype), found.shape, bool(found.any())) == ("float32", (8, 8), False)


def test_another_backend_is_wrong_use(
    classifier: Classifier, pixels: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = classifier()
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(UsageError, match="expected tensorflow or jax below Keras, found torch"):
        attention(keras, model, pixels, label=0)


def test_on_jax_it_is_the_class_activation_map_too(tmp_path: Path) -> None:
    pytest.importorskip("jax", reason="needs jax")
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run(
        [sys.executable, "-c", ON_JAX],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
