"""Reading PyTorch weight files without PyTorch and without running anything a file asks for.

Both layouts of torch.save are read: the zip archive (since 1.6) and the legacy stream of four pickles, a list
of keys and the raw storages, each preceded by its element count as int64. Only the handful of names that a
state dictionary of tensors needs are resolved; any other name in the pickle is refused.
"""

from __future__ import annotations

import io
import math
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import ModelError

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES: dict[str, np.dtype[Any]] = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
}


_STATES = ("state_dict", "model_state_dict", "model")  # keys of a training script's checkpoint


@dataclass(frozen=True)
class _StorageType:
    dtype: np.dtype[Any]


@dataclass
class _Tensor:
    storage: tuple[str, np.dtype[Any], int]
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def _rebuild(storage: Any, offset: int, shape: Any, stride: Any, *_: Any) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(stride))


def _parameter(data: Any, *_: Any) -> Any:
    return data


_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    **{("torch", name): _StorageType(dtype) for name, dtype in _DTYPES.items()},
}


class _RestrictedUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise ModelError(
                f"the weight file asks for '{module}.{name}', which a state dictionary does not need; "
                "it was refused, save the weights alone with torch.save(model.state_dict(), path)"
            ) from None

    def persistent_load(self, pid: Any) -> Any:
        _, kind, key, _, count = pid[:5]
        return str(key), kind.dtype, int(count)


def read_pth(path: Path) -> dict[str, NDArray[np.generic]]:
    """Read a state dictionary as name -> array, in the file's order.

    Raises ModelError when the file is absent, no PyTorch file, or asks for anything but tensors.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    return parse_pth(data, where=str(path))


def parse_pth(data: bytes, *, where: str) -> dict[str, NDArray[np.generic]]:
    """The same for the bytes of a file; `where` names it in errors."""
    try:
        saved, load = _read_zip(data) if data[:2] == b"PK" else _read_legacy(data)
        return _arrays(_state(saved), load, room=_room(data))
    except ModelError as error:
        raise ModelError(f"{where}: {error}") from error
    except Exception as error:  # a damaged pickle fails in many ways
        raise ModelError(
            f"{where}: expected a PyTorch weight file, found something else ({error})"
        ) from error


def _room(data: bytes) -> int:
    """How many bytes a file may unpack to, and its tensors take: weights hardly compress, few are tied."""
    return 4 * len(data) + (1 << 20)


Load = Callable[[tuple[str, np.dtype[Any], int]], NDArray[np.generic]]


def _read_zip(data: bytes) -> tuple[Any, Load]:
    archive = zipfile.ZipFile(io.BytesIO(data))
    size = sum(member.file_size for member in archive.infolist())
    if size > _room(data):
        raise ModelError(f"its members say {size} bytes, far more than the file has; fetch the file again")
    pickle_name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
    prefix = pickle_name.removesuffix("data.pkl")
    saved = _RestrictedUnpickler(archive.open(pickle_name)).load()

    @cache  # tensors may share a storage
    def load(storage: tuple[str, np.dtype[Any], int]) -> NDArray[np.generic]:
        key, dtype, _ = storage
        return np.frombuffer(archive.read(f"{prefix}data/{key}"), dtype)

    return saved, load


def _read_legacy(data: bytes) -> tuple[Any, Load]:
    stream = io.BytesIO(data)
    if _RestrictedUnpickler(stream).load() != _LEGACY_MAGIC:
        raise ModelError("expected a PyTorch weight file, found another pickle")
    _RestrictedUnpickler(stream).load()  # protocol version
    _RestrictedUnpickler(stream).load()  # byte order and integer sizes of the writer
    saved = _RestrictedUnpickler(stream).load()
    keys = [str(key) for key in _RestrictedUnpickler(stream).load()]
    wanted = {tensor.storage[0]: tensor.storage[1] for tensor in _tensors(saved)}
    storages: dict[str, NDArray[np.generic]] = {}
    for key in keys:
        (count,) = struct.unpack("<q", stream.read(8))
        dtype = wanted[key]
        storages[key] = np.frombuffer(stream.read(count * dtype.itemsize), dtype)
    return saved, lambda storage: storages[storage[0]]


def _tensors(saved: Any) -> Iterator[_Tensor]:
    """Every tensor of what was saved, however deep; a part that stands in many places is looked at once."""
    waiting, seen = [saved], set[int]()
    while waiting:
        part = waiting.pop()
        if isinstance(part, _Tensor):
            yield part
        elif isinstance(part, dict | list | tuple) and id(part) not in seen:
            seen.add(id(part))
            waiting += part.values() if isinstance(part, dict) else part


def _state(saved: Any) -> dict[str, Any]:
    """The state dictionary: what was saved, or what training scripts save beside the epoch and the optimizer's state."""
    parts = [*(saved.get(key) for key in _STATES), saved] if isinstance(saved, dict) else []
    for part in parts:
        if isinstance(part, dict) and any(isinstance(value, _Tensor) for value in part.values()):
            if not all(isinstance(name, str) for name in part):
                break
            return part
    raise ModelError(
        f"expected a state dictionary, names to tensors, found {_described(saved)}; "
        "save the weights alone with torch.save(model.state_dict(), path)"
    )


def _described(saved: Any) -> str:
    if not isinstance(saved, dict):
        return f"a {type(saved).__name__}"
    return f"a dictionary of {', '.join(str(key) for key in [*saved][:5]) or 'nothing'}"


def _arrays(tensors: dict[str, Any], load: Load, *, room: int) -> dict[str, NDArray[np.generic]]:
    found: dict[str, NDArray[np.generic]] = {}
    for name, tensor in tensors.items():
        if isinstance(tensor, _Tensor):
            found[name] = _array(tensor, load)
            room -= found[name].nbytes
        if room < 0:
            raise ModelError("its tensors take far more bytes than the file has; fetch the file again")
    return found


def _array(tensor: _Tensor, load: Load) -> NDArray[np.generic]:
    flat = load(tensor.storage)[tensor.offset :]
    last = sum((side - 1) * step for side, step in zip(tensor.shape, tensor.stride, strict=True))
    outside = last >= flat.size and 0 not in tensor.shape
    if tensor.offset < 0 or min((*tensor.stride, *tensor.shape), default=0) < 0 or outside:
        raise ModelError(
            f"a tensor of shape {tensor.shape} reaches outside its storage; fetch the file again"
        )
    if math.prod(tensor.shape) > flat.size:  # a stride of 0 or rows that overlap
        raise ModelError(
            f"a tensor of shape {tensor.shape} repeats the numbers of its storage; save a contiguous copy of it"
        )
    size = flat.itemsize
    view = np.lib.stride_tricks.as_strided(flat, tensor.shape, tuple(s * size for s in tensor.stride))
    return np.ascontiguousarray(view)
