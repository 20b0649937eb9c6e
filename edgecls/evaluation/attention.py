"""Where a decision looked: Grad-CAM of one class over the last map of a classifier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import UsageError, need
from edgecls.preprocess import Pixels
from edgecls.training.classifier import FEATURES, HEAD

Heat = NDArray[np.float32]


def attention(keras: Any, model: Any, pixels: Pixels, *, label: int) -> Heat:
    """How much each place of the last map speaks for class number `label`: float32 (h, w), 0..1.

    Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391): the channels of the last map, each weighted with the mean
    gradient of the class's score before the softmax; what speaks against the class counts as 0. Behind a pooled
    head without hidden layers that is the class activation map of Zhou et al. 2016 (arXiv:1512.04150) but for
    its scale. The greatest value is 1, or all are 0 where nothing speaks for the class.

    `pixels` are uint8 RGB (height, width, 3) as Preprocess gives them. Raises UsageError on a backend of Keras
    other than TensorFlow and JAX.
    """
    to_map = keras.Model(model.input, model.get_layer(FEATURES).input)
    last_map = to_map(pixels[None].astype(np.float32), training=False)
    gradient = _gradient(keras, _class_score(keras, model, label), last_map)
    weights = _numpy(keras, gradient)[0].mean(axis=(0, 1))
    heat = np.maximum(_numpy(keras, last_map)[0] @ weights, 0)
    return np.asarray(heat / heat.max() if heat.any() else heat, np.float32)


def _class_score(keras: Any, model: Any, label: int) -> Callable[[Any], Any]:
    """Takes the last map, (1, h, w, channels), to the score of a class before the softmax, less its bias."""
    head = model.get_layer(HEAD)
    features = model.get_layer(FEATURES)
    last_map = vectors = keras.Input(features.input.shape[1:])
    for layer in model.layers[model.layers.index(features) : model.layers.index(head)]:
        vectors = layer(vectors)
    between = keras.Model(last_map, vectors)
    trained = [variable.value for variable in between.trainable_variables]
    fixed = [variable.value for variable in between.non_trainable_variables]

    def score(last_map: Any) -> Any:
        found, _ = between.stateless_call(trained, fixed, last_map, training=False)
        return keras.ops.matmul(found, head.kernel)[0, label]

    return score


def _gradient(keras: Any, score: Callable[[Any], Any], at: Any) -> Any:
    """Gradient of a scalar function at a tensor, with what the backend of Keras has for it."""
    backend = str(keras.backend.backend())
    if backend == "jax":
        return need("jax", "train").grad(score)(at)
    if backend != "tensorflow":
        raise UsageError(f"expected tensorflow or jax below Keras, found {backend}; set KERAS_BACKEND to one")
    with need("tensorflow", "train").GradientTape() as tape:
        tape.watch(at)
        value = score(at)
    return tape.gradient(value, at)


def _numpy(keras: Any, tensor: Any) -> NDArray[np.float32]:
    return np.asarray(keras.ops.convert_to_numpy(tensor), np.float32)
