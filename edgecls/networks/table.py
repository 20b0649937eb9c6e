"""The Network table: every network edgecls can train, by name."""

from __future__ import annotations

from edgecls.errors import UsageError
from edgecls.networks.classics import ALEXNET, CNN, LENET
from edgecls.networks.densenet import DENSENET121, DENSENET161, DENSENET169
from edgecls.networks.efficientnet import EFFICIENTNET_B0
from edgecls.networks.efficientnet_lite import EFFICIENTNET_LITE0, EFFICIENTNET_LITE1, EFFICIENTNET_LITE2
from edgecls.networks.enet import ENET
from edgecls.networks.inception import GOOGLENET, INCEPTION_V3
from edgecls.networks.mobilenet import MOBILENET_V2, MOBILENET_V3_LARGE, MOBILENET_V3_SMALL
from edgecls.networks.network import Network
from edgecls.networks.resnet import RESNET18, RESNET34, RESNET50, RESNET101, RESNET152
from edgecls.networks.vgg import VGG11, VGG13, VGG16, VGG19

# By the year of the paper, families together.
_ALL = (
    *(LENET, CNN, ALEXNET),
    *(VGG11, VGG13, VGG16, VGG19),
    *(GOOGLENET, INCEPTION_V3),
    *(RESNET18, RESNET34, RESNET50, RESNET101, RESNET152),
    *(DENSENET121, DENSENET161, DENSENET169),
    *(EFFICIENTNET_B0, ENET),
    *(MOBILENET_V2, MOBILENET_V3_SMALL, MOBILENET_V3_LARGE),
    *(EFFICIENTNET_LITE0, EFFICIENTNET_LITE1, EFFICIENTNET_LITE2),
)

NETWORKS: dict[str, Network] = {network.name: network for network in _ALL}


def find_network(name: str) -> Network:
    """The network of that name. Raises UsageError naming what there is."""
    try:
        return NETWORKS[name]
    except KeyError:
        raise UsageError(f"expected a network of {', '.join(NETWORKS)}, found '{name}'") from None
