"""What an ONNX graph computes its outputs from, and the rest of it removed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def needed(graph: Any, outputs: Iterable[str]) -> set[str]:
    """Names of all tensors that these outputs are computed from, themselves included."""
    makers = {name: node for node in graph.node for name in node.output}
    found, waiting = set[str](), list(outputs)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(makers[name].input if name in makers else ())
    return found


def prune(graph: Any) -> None:
    """Remove the nodes and constants that no output of the graph is computed from."""
    names = needed(graph, [output.name for output in graph.output])
    for unused in [node for node in graph.node if not names & set(node.output)]:
        graph.node.remove(unused)
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in names]:
        graph.initializer.remove(tensor)
