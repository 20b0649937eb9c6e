"""Importing Keras quietly, and saying which backend drives it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edgecls.errors import need
from edgecls.quiet import quiet_stderr

# Goes up with every change after which the same photos and options train another network: runs and cells of a study
# that were trained before are then no longer taken for those of today.
RECIPE = 1


def import_keras() -> Any:
    """Keras, with TensorFlow's start-up messages off the user's terminal.

    Raises MissingDependencyError without the train extra.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet_stderr():
        keras = need("keras", "train")
        need(str(keras.backend.backend()), "train")
        keras.ops.zeros(1)  # the first operation of TensorFlow says a second time what its import said
    return keras


@contextmanager
def precision(keras: Any, name: str) -> Iterator[None]:
    """Layers made inside compute in that precision: "float32", or "mixed", float16 on a GPU, else bfloat16."""
    before = keras.config.dtype_policy()
    if name == "mixed":
        keras.config.set_dtype_policy("mixed_float16" if _has_gpu(keras) else "mixed_bfloat16")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _has_gpu(keras: Any) -> bool:
    return any(not str(device).startswith("cpu") for device in keras.distribution.list_devices())


def in_float32(keras: Any, model: Any) -> Any:
    """A copy of the model that computes in float32 alone, as it will be exported."""

    def plain(layer: Any) -> Any:
        config = layer.get_config()
        if isinstance(layer, keras.layers.Layer):  # a bare operation has no precision of its own
            config["dtype"] = "float32"
        return type(layer).from_config(config)

    copy = keras.models.clone_model(model, clone_function=plain)
    copy.set_weights(model.get_weights())
    return copy


def training_versions(keras: Any) -> dict[str, str]:
    """Versions of what computes a training run, RECIPE among them."""
    from importlib.metadata import version

    import cv2
    import numpy as np

    from edgecls import __version__

    names = {"tensorflow": ("tensorflow-cpu", "tensorflow"), "jax": ("jax",), "torch": ("torch",)}
    backend = str(keras.backend.backend())
    found = {
        "edgecls": __version__,
        "recipe": str(RECIPE),
        "keras": keras.__version__,
        "numpy": np.__version__,
        "opencv": cv2.__version__,
    }
    for distribution in names.get(backend, ()):
        try:
            return found | {backend: version(distribution)}
        except ModuleNotFoundError:  # PackageNotFoundError: the other name of the same package
            continue
    return found | {backend: "unknown"}
