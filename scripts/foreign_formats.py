"""Arrays out of the formats that packages keep weights in: numpy's pickles and TensorFlow.js. Nothing is executed."""

from __future__ import annotations

import io
import json
import math
import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import ModelError

Weights = NDArray[np.float32]


class _Float32:
    """Stands for numpy.dtype in a pickle."""

    def __init__(self, code: str, *_: object) -> None:
        if code != "f4":
            raise ModelError(f"expected float32 in the pickle, found '{code}'")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] != "<":
            raise ModelError(f"expected little-endian numbers in the pickle, found '{state[1]}'")


class _Array:
    """Stands for numpy.ndarray in a pickle."""

    values: Weights

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, data = state
        if not isinstance(dtype, _Float32) or not isinstance(data, bytes):
            raise ModelError("expected arrays of float32 in the pickle, found others")
        self.values = np.frombuffer(data, "<f4").reshape(shape, order="F" if fortran else "C")


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "dtype"): _Float32,
    ("numpy", "ndarray"): _Array,
    ("numpy.core.multiarray", "_reconstruct"): lambda *_: _Array(),
    ("numpy._core.multiarray", "_reconstruct"): lambda *_: _Array(),
}


class _RestrictedUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise ModelError(
                f"the pickle asks for '{module}.{name}', which arrays do not need; it was refused"
            )
        return _ALLOWED[module, name]


def read_numpy_pickle(data: bytes) -> dict[str, Weights]:
    """A pickled tree of dicts with float32 arrays: names joined by "/" -> array.

    Raises ModelError for anything else, before anything of it runs.
    """
    try:
        tree = _RestrictedUnpickler(io.BytesIO(data)).load()
        return _flatten(tree)
    except ModelError:
        raise
    except Exception as error:  # a damaged pickle fails in many ways
        raise ModelError(f"expected a pickle of arrays, found something else ({error})") from error


def _flatten(tree: Any, path: str = "") -> dict[str, Weights]:
    if isinstance(tree, _Array):
        return {path: tree.values}
    if not isinstance(tree, dict):
        raise ModelError(f"expected dicts of arrays in the pickle, found {type(tree).__name__} at '{path}'")
    found: dict[str, Weights] = {}
    for name, branch in tree.items():
        found |= _flatten(branch, f"{path}/{name}" if path else str(name))
    return found


def read_tfjs(files: Mapping[str, bytes]) -> dict[str, Weights]:
    """The weights of a TensorFlow.js layers model: "layer/weight" -> array. `files` holds model.json and its shards.

    Raises ModelError when the shards do not hold what model.json says, or hold other numbers than float32.
    """
    found: dict[str, Weights] = {}
    try:
        for group in json.loads(files["model.json"])["weightsManifest"]:
            data, start = b"".join(files[name] for name in group["paths"]), 0
            for weight in group["weights"]:
                if weight["dtype"] != "float32" or "quantization" in weight:
                    raise ModelError(f"expected float32 for '{weight['name']}', found other numbers")
                end = start + 4 * math.prod(weight["shape"])
                found[weight["name"]] = np.frombuffer(data[start:end], "<f4").reshape(weight["shape"])
                start = end
            if start != len(data):
                raise ModelError(f"expected {start} bytes of weights, found {len(data)}")
    except (KeyError, ValueError, TypeError) as error:
        raise ModelError(f"expected a TensorFlow.js model, found something else ({error!r})") from error
    return found
