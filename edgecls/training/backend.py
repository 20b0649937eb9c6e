"""Importing Keras quietly, and saying which backend drives it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from edgecls.errors import EdgeclsError, UsageError, first_line, need
from edgecls.quiet import quiet_stderr

# Goes up with every change after which the same photos and options train another network: runs and cells of a study
# that were trained before are then no longer taken for those of today.
RECIPE = 1
BACKENDS = ("tensorflow", "jax", "torch")


def import_keras() -> Any:
    """Keras, with TensorFlow's start-up messages off the user's terminal.

    Raises MissingDependencyError without the train extra, UsageError when KERAS_BACKEND names a backend
    that Keras does not have or that is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    _check_backend()
    with quiet_stderr():
        keras = need("keras", "train")
        need(str(keras.backend.backend()), "train")
        keras.ops.zeros(1)  # the first operation of TensorFlow says a second time what its import said
    return keras


def _check_backend() -> None:
    """Keras itself ends in a traceback for one that is not there, and no extra brings any but TensorFlow."""
    asked = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if asked not in BACKENDS:
        raise UsageError(
            f"KERAS_BACKEND: expected one of {', '.join(BACKENDS)}, found '{asked}'; or unset it"
        )
    if asked != "tensorflow" and find_spec(asked) is None:
        raise UsageError(
            f"KERAS_BACKEND is {asked}, and {asked} is not installed; install it, or unset KERAS_BACKEND"
        )


@contextmanager
def precision(keras: Any, name: str) -> Iterator[None]:
    """Layers and models made inside compute in that precision: "float32", or "mixed", float16 on a GPU, else bfloat16.

    In float16 a model of this policy has its loss scaled when it is compiled.
    """
    mixed = "mixed_float16" if _has_gpu(keras) else "mixed_bfloat16"
    with under_policy(keras, mixed if name == "mixed" else keras.config.dtype_policy()):
        yield


@contextmanager
def under_policy(keras: Any, policy: Any) -> Iterator[None]:
    """That policy of Keras in force, and the one before it again afterwards."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def write_whole(path: Path, save: Callable[[Path], None]) -> None:
    """Let Keras write a file that is the whole new one or not there; it asks for the suffix.

    Raises EdgeclsError when the disk is full or does not let it.
    """
    partial = path.with_name(f"partial{''.join(path.suffixes)}")
    try:
        save(partial)
        partial.replace(path)
    except (OSError, RuntimeError) as error:  # h5py has a page to say for either
        partial.unlink(missing_ok=True)
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if number else first_line(error)
        raise EdgeclsError(
            f"{path}: cannot be written ({reason}); free space or choose another place, and repeat the command"
        ) from error


def _has_gpu(keras: Any) -> bool:
    if keras.backend.backend() == "torch":  # Keras knows no devices of this backend
        return bool(need("torch", "train").cuda.is_available())
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
