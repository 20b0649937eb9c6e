"""The weight file reader: both layouts, made here without PyTorch, and files that try to do more."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from edgecls.errors import ModelError
from edgecls.networks.pth import read_pth

MAGIC = 0x1950A86A20F9469CFC6C  # torch.serialization.MAGIC_NUMBER
KINDS = {"f4": "FloatStorage", "f8": "DoubleStorage", "i8": "LongStorage", "f2": "HalfStorage"}


class Global:
    """Pickles as a name of another module, which need not be installed here."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class Storage:
    """Pickles as a reference to raw numbers, as torch.save writes it."""

    def __init__(self, key: str, values: np.ndarray) -> None:
        self.key, self.values = key, values


class Call:
    """Pickles as the call of a Global."""

    def __init__(self, function: Global, *arguments: object) -> None:
        self.function, self.arguments = function, arguments


PythonPickler: Any = pickle._Pickler  # the one written in Python, which can be extended


class Pickler(PythonPickler):  # type: ignore[misc]
    """Writes Global and Call as opcodes; `legacy` says which layout the storages are for."""

    dispatch: ClassVar[dict[type, Callable[..., None]]] = dict(PythonPickler.dispatch)
    legacy = False

    def persistent_id(self, thing: object) -> object:
        if not isinstance(thing, Storage):
            return None
        kind = Global("torch", KINDS[thing.values.dtype.str[1:]])
        return ("storage", kind, thing.key, "cpu", thing.values.size, None)[: 6 if self.legacy else 5]

    def save_global_by_name(self, thing: Global) -> None:
        self.write(pickle.GLOBAL + f"{thing.module}\n{thing.name}\n".encode())

    def save_call(self, thing: Call) -> None:
        self.save(thing.function)
        self.save(thing.arguments)
        self.write(pickle.REDUCE)

    dispatch[Global] = save_global_by_name
    dispatch[Call] = save_call


def dump(value: object, *, legacy: bool) -> bytes:
    stream = io.BytesIO()
    pickler = Pickler(stream, 2)
    pickler.legacy = legacy
    pickler.dump(value)
    return stream.getvalue()


def tensor(key: str, values: np.ndarray, *, shape: Any = None, stride: Any = None, offset: int = 0) -> Call:
    shape = values.shape if shape is None else shape
    stride = tuple(step // values.itemsize for step in values.strides) if stride is None else stride
    flat = np.ascontiguousarray(values).ravel()
    rebuild = Global("torch._utils", "_rebuild_tensor_v2")
    return Call(rebuild, Storage(key, flat), offset, shape, stride, False, OrderedDict())


def storages(state: Any) -> dict[str, np.ndarray]:
    calls = [value for value in state.values() if isinstance(value, Call)]
    return {s.key: s.values for call in calls for s in call.arguments if isinstance(s, Storage)}


def every_storage(state: Any) -> dict[str, np.ndarray]:
    """Those of the dictionaries in it too."""
    inner = [value for value in state.values() if isinstance(value, dict)]
    return storages(state) | {key: raw for part in inner for key, raw in every_storage(part).items()}


def write_legacy(path: Path, state: Any) -> Path:
    raw = every_storage(state)
    parts = [pickle.dumps(value, 2) for value in (MAGIC, 1001, {"little_endian": True})]
    parts += [dump(state, legacy=True), pickle.dumps(list(raw), 2)]
    parts += [struct.pack("<q", values.size) + values.tobytes() for values in raw.values()]
    path.write_bytes(b"".join(parts))
    return path


def write_zip(path: Path, state: Any) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", dump(state, legacy=False))
        for key, values in every_storage(state).items():
            archive.writestr(f"archive/data/{key}", values.tobytes())
    return path


WRITERS = [write_legacy, write_zip]
Write = Callable[[Path, Any], Path]
either_layout = pytest.mark.parametrize("write", WRITERS, ids=["legacy", "zip"])


@either_layout
def test_tensors_are_read_with_their_names_types_and_order(tmp_path: Path, write: Write) -> None:
    weights = np.random.default_rng(0).normal(size=(4, 3, 2, 2)).astype("<f4")
    state = OrderedDict(
        conv=tensor("0", weights),
        steps=tensor("1", np.array([7], "<i8")),
        half=tensor("2", np.array([0.5, 2], "<f2")),
    )
    found = read_pth(write(tmp_path / "w.pth", state))
    assert list(found) == ["conv", "steps", "half"]
    assert np.array_equal(found["conv"], weights)
    assert found["steps"].dtype == np.int64
    assert found["half"].tolist() == [0.5, 2.0]


@either_layout
@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
def test_the_state_in_a_training_scripts_checkpoint_is_found(tmp_path: Path, write: Write, key: str) -> None:
    state = OrderedDict(conv=tensor("0", np.ones((2, 3), "<f4")))
    optimizer = {"momentum": tensor("1", np.zeros((9, 9), "<f8"))}
    best = tensor("2", np.array([0.7], "<f4"))
    saved = {"epoch": 3, "best_acc1": best, "optimizer": optimizer, key: state}
    found = read_pth(write(tmp_path / "w.pth", saved))
    assert list(found) == ["conv"]
    assert found["conv"].tolist() == [[1, 1, 1]] * 2


@either_layout
@pytest.mark.parametrize(
    ("saved", "words"),
    [
        ({"epoch": 3, "weights": {}}, "a dictionary of epoch, weights"),
        ({0: tensor("0", np.ones(2, "<f4"))}, "a dictionary of 0"),
        ({}, "a dictionary of nothing"),
    ],
)
def test_what_is_no_state_dictionary_is_described(
    tmp_path: Path, write: Write, saved: dict[object, object], words: str
) -> None:
    with pytest.raises(
        ModelError, match=f"expected a state dictionary, names to tensors, found {words}; save"
    ):
        read_pth(write(tmp_path / "w.pth", saved))


def test_lists_that_hold_one_another_many_times_cost_no_time(tmp_path: Path) -> None:
    nested: list[object] = []
    for _ in range(60):  # 2 ** 60 ways down
        nested = [nested, nested]
    state = OrderedDict(conv=tensor("0", np.ones(2, "<f4")), more=nested)
    assert list(read_pth(write_legacy(tmp_path / "w.pth", state))) == ["conv"]


@either_layout
def test_a_transposed_view_of_a_storage_is_read_by_its_strides(tmp_path: Path, write: Write) -> None:
    values = np.arange(8, dtype="<f4")
    state = {"view": tensor("0", values, shape=(2, 3), stride=(1, 2), offset=1)}
    assert read_pth(write(tmp_path / "w.pth", state))["view"].tolist() == [[1, 3, 5], [2, 4, 6]]


@either_layout
@pytest.mark.parametrize(
    ("shape", "stride", "offset"),
    [
        ((5,), (1,), 0),
        ((4,), (1,), 1),
        ((2, 2), (3, 1), 0),
        ((), (), 4),
        ((1,), (1,), 4),
        ((1,), (1,), 4000),
        ((2,), (1,), -1),
        ((2,), (-1,), 1),
    ],
)
def test_a_tensor_that_reaches_outside_its_storage_is_refused(
    tmp_path: Path, write: Write, shape: Any, stride: Any, offset: int
) -> None:
    state = {"w": tensor("0", np.zeros(4, "<f4"), shape=shape, stride=stride, offset=offset)}
    with pytest.raises(ModelError, match="reaches outside its storage; fetch the file again"):
        read_pth(write(tmp_path / "w.pth", state))


@either_layout
def test_an_empty_tensor_is_no_fault(tmp_path: Path, write: Write) -> None:
    state = {"none": tensor("0", np.zeros(0, "<f4"), shape=(0, 3), stride=(3, 1))}
    assert read_pth(write(tmp_path / "w.pth", state))["none"].shape == (0, 3)


@either_layout
@pytest.mark.parametrize(
    ("module", "name"),
    [("os", "system"), ("posix", "system"), ("builtins", "eval"), ("torch._utils", "_rebuild_tensor_v3")],
)
def test_a_file_that_asks_for_a_function_is_refused_and_nothing_runs(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch, module: str, name: str
) -> None:
    ran: list[object] = []
    monkeypatch.setattr(os, "system", ran.append)
    trap = tmp_path / "trap"
    state = {"w": tensor("0", np.zeros(4, "<f4")), "x": Call(Global(module, name), f"touch {trap}")}
    with pytest.raises(ModelError, match=f"asks for '{module}.{name}'.* refused"):
        read_pth(write(tmp_path / "w.pth", state))
    assert not ran
    assert not trap.exists()


@pytest.mark.parametrize(
    "data",
    [b"", b"PK", b"hello", pickle.dumps({"w": 1}), pickle.dumps(MAGIC), b"PK\x03\x04" + bytes(60)],
    ids=["empty", "two bytes", "text", "other pickle", "cut", "torn zip"],
)
def test_what_is_no_weight_file_is_one_sentence(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "w.pth").write_bytes(data)
    with pytest.raises(ModelError, match=r"w.pth: expected a PyTorch weight file"):
        read_pth(tmp_path / "w.pth")


@either_layout
def test_a_file_that_ends_too_early_is_one_sentence(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path / "w.pth", {"w": tensor("0", np.zeros(4000, "<f4"))})
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(ModelError, match=r"w.pth: "):
        read_pth(path)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"w.pth: cannot be read \(No such file"):
        read_pth(tmp_path / "w.pth")


@either_layout
@pytest.mark.parametrize(("shape", "stride"), [((3000, 3000), (0, 0)), ((4, 4), (0, 1)), ((3, 3), (1, 1))])
def test_a_tensor_that_repeats_its_storage_is_refused(
    tmp_path: Path, write: Write, shape: Any, stride: Any
) -> None:
    state = {"w": tensor("0", np.zeros(8, "<f4"), shape=shape, stride=stride)}
    with pytest.raises(ModelError, match="repeats the numbers of its storage; save a contiguous copy"):
        read_pth(write(tmp_path / "w.pth", state))


@either_layout
def test_many_copies_of_one_storage_are_refused(tmp_path: Path, write: Write) -> None:
    state = {f"w{i}": tensor("0", np.zeros(1 << 16, "<f4")) for i in range(20)}
    with pytest.raises(ModelError, match="tensors take far more bytes than the file has"):
        read_pth(write(tmp_path / "w.pth", state))


def test_a_zip_that_unpacks_to_far_more_is_refused(tmp_path: Path) -> None:
    write_zip(tmp_path / "bomb.pth", {"w": tensor("0", np.zeros(2, "<f4"))})
    with zipfile.ZipFile(tmp_path / "bomb.pth", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/1", bytes(1 << 23))
    with pytest.raises(ModelError, match=r"members say 838\d+ bytes, far more"):
        read_pth(tmp_path / "bomb.pth")
