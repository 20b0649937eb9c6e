"""Operators: what a TFLite graph is made of, which of it XNNPACK takes, and in what numbers it computes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

DELEGATE = "DELEGATE"
BORDERS = frozenset({"QUANTIZE", "DEQUANTIZE"})


@dataclass(frozen=True)
class Operator:
    """One node of the graph: its name, its tensors by index, and whether all its results are of 8 bits."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    is_int8: bool


@dataclass(frozen=True)
class Operators:
    """A TFLite graph, counted.

    `partitions` are the parts that a delegate runs; 1 is best, 0 means that there is none. `fallen_back` are
    operators outside of them. `in_int8` and `in_float` leave out QUANTIZE and DEQUANTIZE.
    """

    counts: Mapping[str, int]
    partitions: int
    fallen_back: Mapping[str, int]
    in_int8: int
    in_float: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def read_operators(interpreter: Any) -> Operators:
    """Read the graph of an interpreter whose tensors are allocated.

    No public call of the library tells operators; `_get_ops_details` is in tflite_runtime 2.14 and in every
    ai_edge_litert so far.
    """
    operators = [_operator(details) for details in interpreter._get_ops_details()]
    parts = [operator for operator in operators if operator.name == DELEGATE]
    own = [operator for operator in operators if operator.name != DELEGATE]
    return count(own, parts)


def count(own: list[Operator], parts: list[Operator]) -> Operators:
    """Count the operators of a graph, of which `parts` name the stretches that a delegate took."""
    taken = set().union(*(_inside(part, own) for part in parts)) if parts else set()
    outside = [operator for i, operator in enumerate(own) if i not in taken]
    computing = [operator for operator in own if operator.name not in BORDERS]
    return Operators(
        counts=_counts(own),
        partitions=len(parts),
        fallen_back=_counts(outside),
        in_int8=sum(operator.is_int8 for operator in computing),
        in_float=_counts([operator for operator in computing if not operator.is_int8]),
    )


def _operator(details: Mapping[str, Any]) -> Operator:
    results = [np.dtype(kind) for kind in details["result_types"]]
    return Operator(
        name=str(details["op_name"]),
        inputs=tuple(int(i) for i in details["inputs"]),
        outputs=tuple(int(i) for i in details["outputs"]),
        is_int8=all(kind in (np.int8, np.uint8) for kind in results),
    )


def _inside(part: Operator, own: list[Operator]) -> set[int]:
    """Positions of the operators that a delegate's part replaces: all between its outputs and its inputs."""
    maker = {tensor: i for i, operator in enumerate(own) for tensor in operator.outputs}
    border, found = set(part.inputs), set[int]()
    waiting = list(part.outputs)
    while waiting:
        i = maker.get(waiting.pop())
        if i is None or i in found:
            continue
        found.add(i)
        waiting.extend(tensor for tensor in own[i].inputs if tensor not in border)
    return found


def _counts(operators: list[Operator]) -> dict[str, int]:
    """Names and how often they occur, the most frequent first."""
    return dict(Counter(operator.name for operator in operators).most_common())
