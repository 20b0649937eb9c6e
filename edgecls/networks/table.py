"""The Network table: every network edgecls can train, by name."""

from __future__ import annotations

from edgecls.errors import UsageError
from edgecls.networks.efficientnet_lite import EFFICIENTNET_LITE0
from edgecls.networks.enet import ENET
from edgecls.networks.mobilenet import MOBILENET_V2
from edgecls.networks.network import Network

NETWORKS: dict[str, Network] = {network.name: network for network in (EFFICIENTNET_LITE0, ENET, MOBILENET_V2)}


def find_network(name: str) -> Network:
    """The network of that name. Raises UsageError naming what there is."""
    try:
        return NETWORKS[name]
    except KeyError:
        raise UsageError(f"expected a network of {', '.join(NETWORKS)}, found '{name}'") from None
