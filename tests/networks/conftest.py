"""PyTorch weight files made here, without PyTorch."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

WriteState = Callable[[Path, Mapping[str, np.ndarray]], Path]


def write_legacy_state(path: Path, state: Mapping[str, np.ndarray]) -> Path:
    """A legacy weight file (see test_pth) whose tensors are float32, each its own storage."""
    parts = [pickle.dumps(0x1950A86A20F9469CFC6C, 2), pickle.dumps(1001, 2), pickle.dumps({}, 2)]
    body = b"\x80\x02}("
    for key, values in state.items():
        count = values.size
        storage = (
            _text("storage") + b"ctorch\nFloatStorage\n" + _text(key) + _text("cpu") + _number(count) + b"N"
        )
        arguments = b"((" + storage + b"tQ" + _number(0) + _tuple(values.shape)
        strides = tuple(step // 4 for step in np.empty(values.shape, np.float32).strides)
        arguments += _tuple(strides) + b"\x89" + b"ccollections\nOrderedDict\n)R" + b"t"
        body += _text(key) + b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"R"
    parts += [body + b"u.", pickle.dumps(list(state), 2)]
    parts += [struct.pack("<q", v.size) + v.astype("<f4").tobytes() for v in state.values()]
    path.write_bytes(b"".join(parts))
    return path


def _text(text: str) -> bytes:
    return b"X" + struct.pack("<I", len(text)) + text.encode()


def _number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def _tuple(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(_number(value) for value in values) + b"t"


@pytest.fixture(scope="session")
def write_state() -> WriteState:
    return write_legacy_state
