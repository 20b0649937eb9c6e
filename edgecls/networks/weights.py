"""Filling a backbone with trained weights: from a source of its network, or from a file the user has."""

from __future__ import annotations

from pathlib import Path

from edgecls.errors import UsageError
from edgecls.networks.network import Model, Network
from edgecls.networks.weight_files import SUFFIXES, load_weight_file


def load_weights(network: Network, backbone: Model, source: str) -> str:
    """Fill `backbone` from a named source or the path of a file, and return a sentence that says where from.

    Raises UsageError for a source that this network does not have and for a file that is not there, ModelError for
    a file that does not fit.
    """
    if source == "none":
        return "random initialisation"
    if source in network.weights:
        return network.weights[source](backbone)
    if source.endswith(SUFFIXES) or "/" in source or Path(source).exists():
        return load_weight_file(network, backbone, Path(source))
    there = ", ".join([*network.weights, "none"])
    raise UsageError(
        f"{network.name} has no weights '{source}'; expected one of: {there}, or the path of a "
        f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} file"
    )
