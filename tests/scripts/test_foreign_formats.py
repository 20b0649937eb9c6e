"""Foreign formats: arrays come back as they were written, and a pickle that wants more is refused unrun."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.errors import ModelError

Script = Callable[[str], Any]


@pytest.fixture
def formats(script: Script) -> Any:
    return script("foreign_formats")


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_pickled_tree_of_arrays_comes_back(formats: Any, order: Any) -> None:
    kernel = np.random.default_rng(0).normal(size=(3, 2, 4)).astype(np.float32, order=order)
    found = formats.read_numpy_pickle(pickle.dumps({"Net_0": {"Conv_0": {"kernel": kernel}}}, 3))
    assert list(found) == ["Net_0/Conv_0/kernel"]
    assert np.array_equal(found["Net_0/Conv_0/kernel"], kernel)


class Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_a_pickle_that_asks_for_a_function_is_refused_and_nothing_runs(formats: Any, tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"asks for 'posix\.mkdir', which arrays do not need; it was refused"
    ):
        formats.read_numpy_pickle(pickle.dumps({"kernel": Trap(tmp_path / "trap")}))
    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"kernel": np.zeros(3)}, "expected float32 in the pickle, found 'f8'"),
        ({"kernel": np.zeros(3, ">f4")}, "expected little-endian"),
        ({"kernel": 1.0}, "expected dicts of arrays in the pickle, found float at 'kernel'"),
        ([1], "expected dicts of arrays in the pickle, found list"),
    ],
)
def test_another_pickle_is_one_sentence(formats: Any, value: object, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        formats.read_numpy_pickle(pickle.dumps(value, 3))


def test_what_is_no_pickle_is_one_sentence(formats: Any) -> None:
    with pytest.raises(ModelError, match="expected a pickle of arrays, found something else"):
        formats.read_numpy_pickle(b"hello")


def tfjs(**changes: Any) -> dict[str, bytes]:
    """Two weights over two shards; the first array ends inside the second shard."""
    data = np.arange(7, dtype="<f4").tobytes()
    first = {"name": "a/kernel", "shape": [2, 3], "dtype": "float32"} | changes
    weights = [first, {"name": "a/bias", "shape": [1], "dtype": "float32"}]
    manifest = [{"paths": ["s1", "s2"], "weights": weights}]
    return {
        "model.json": json.dumps({"weightsManifest": manifest}).encode(),
        "s1": data[:10],
        "s2": data[10:],
    }


def test_the_shards_of_tensorflow_js_are_one_stream(formats: Any) -> None:
    found = formats.read_tfjs(tfjs())
    assert found["a/kernel"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["a/bias"].tolist() == [6]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (tfjs(dtype="int32"), "expected float32 for 'a/kernel'"),
        (tfjs(quantization={"dtype": "uint8"}), "expected float32 for 'a/kernel'"),
        (tfjs(shape=[2, 2]), "expected 20 bytes of weights, found 28"),
        (tfjs(shape=[2, 4]), "expected a TensorFlow.js model, found something else"),
        ({"model.json": b"{}"}, "expected a TensorFlow.js model"),
        ({key: value for key, value in tfjs().items() if key != "s2"}, "expected a TensorFlow.js model"),
    ],
)
def test_a_model_that_does_not_hold_what_it_says_is_one_sentence(
    formats: Any, files: dict[str, bytes], words: str
) -> None:
    with pytest.raises(ModelError, match=words):
        formats.read_tfjs(files)
