"""A picture, and classifiers of the small network with any head."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgecls.networks.network import Network
from edgecls.preprocess import Pixels
from edgecls.training.backend import in_float32
from edgecls.training.classifier import build_head, join, vectorize

CLASSES = 3
SEED = 12  # of weights with which some place speaks for each class

Classifier = Callable[..., Any]


@pytest.fixture(scope="session")
def pixels() -> Pixels:
    """Noise of 32x32 that is brighter to the right."""
    noise = np.random.default_rng(3).integers(0, 100, (32, 32, 3))
    return (noise + np.linspace(0, 150, 32)[None, :, None]).astype(np.uint8)


@pytest.fixture
def classifier(small_network: Network) -> Classifier:
    """Makes an untrained classifier of three classes with any kind of head, built as a run saves it."""
    keras = pytest.importorskip("keras", reason="needs Keras, of the train extra")

    def make(kind: str = "pool", hidden: tuple[int, ...] = ()) -> Any:
        keras.utils.set_random_seed(SEED)
        backbone = small_network.build(32)
        small_network.weights["made"](backbone)
        vectors = vectorize(keras, backbone, kind)
        head = build_head(keras, vectors.output.shape[1], CLASSES, hidden=hidden, dropout=0.2)
        return in_float32(keras, join(keras, vectors, head))

    return make
