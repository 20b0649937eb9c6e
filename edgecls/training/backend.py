"""Importing Keras quietly, and saying which backend drives it."""

from __future__ import annotations

import os
from typing import Any

from edgecls.errors import need
from edgecls.quiet import quiet_stderr


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


def training_versions(keras: Any) -> dict[str, str]:
    """Versions of what computes a training run."""
    from importlib.metadata import version

    import cv2
    import numpy as np

    from edgecls import __version__

    names = {"tensorflow": ("tensorflow-cpu", "tensorflow"), "jax": ("jax",), "torch": ("torch",)}
    backend = str(keras.backend.backend())
    found = {
        "edgecls": __version__,
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
