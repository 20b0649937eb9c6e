"""Raw input: an int8 model takes the uint8 pixels themselves, and its own scaling becomes the input's quantization.

A network begins with `pixel * scale + offset`, the same for all channels or one for each. The first kind needs no
arithmetic: uint8 pixels with that scale and the zero point -offset / scale are the scaled values already, stated and
not observed from photos. The second kind is a convolution of each pixel (see export/native.py): pixels enter with
scale 1 and zero point 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

NAME = "image"
_MULTIPLY, _ADD, _SUBTRACT = "mul", "add", "sub"


@dataclass(frozen=True)
class Entry:
    """The tensor of a float model behind its scaling by one factor: `pixel * scale + offset`.

    A model without such a scaling is entered at its input, with scale 1 and offset 0.
    """

    tensor: str
    scale: float = 1.0
    offset: float = 0.0

    @property
    def low(self) -> float:
        """What pixel 0 becomes."""
        return self.offset

    @property
    def high(self) -> float:
        """What pixel 255 becomes."""
        return 255 * self.scale + self.offset


@dataclass(frozen=True)
class Step:
    """One operator of a float graph: its kind in lower case, its tensors, and its constant if it has one."""

    kind: str
    inputs: tuple[str, ...]
    output: str
    constant: Any = None


def find_entry(image: str, steps: Iterable[Step]) -> Entry:
    """Follow the input through multiplications and additions of one number to the tensor behind them.

    Such a step must be the only reader of what it scales, or another would miss the pixels.
    """
    readers: dict[str, list[Step]] = {}
    for step in steps:
        for name in step.inputs:
            readers.setdefault(name, []).append(step)
    entry = Entry(image)
    while len(readers.get(entry.tensor, [])) == 1:
        further = _through(entry, readers[entry.tensor][0])
        if further is None:
            break
        entry = further
    return entry


def _through(entry: Entry, step: Step) -> Entry | None:
    if step.constant is None or step.kind not in (_MULTIPLY, _ADD, _SUBTRACT):
        return None
    numbers = np.unique(step.constant)
    if len(numbers) != 1 or (step.kind == _SUBTRACT and step.inputs[0] != entry.tensor):
        return None
    number = float(numbers[0])
    if step.kind == _MULTIPLY:
        return Entry(step.output, entry.scale * number, entry.offset * number) if number > 0 else None
    change = -number if step.kind == _SUBTRACT else number
    return Entry(step.output, entry.scale, entry.offset + change)
