"""PyTorch's names and layouts to Keras's: which tensors of a state dictionary fill which layer.

Our own networks name their layers as torchvision does, with underscores for dots. Where keras.applications builds
the same architecture as torchvision (models/vgg.py, densenet.py, mobilenetv2.py) the names are mapped by rule; where
it builds another, the file is refused. MobileNetV2 is the same network at sides of 32k + 1 pixels (225, 193, 161):
torchvision pads on both sides at a stride of 2, and so does Keras where a map has an odd side.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import ModelError
from edgecls.networks.folding import Array, Arrays, refuse_surplus
from edgecls.networks.network import Model, Network
from edgecls.networks.scaling import SIGNED, TORCH, Scaling

State = Mapping[str, NDArray[np.generic]]
Prefix = Callable[[str], str]  # the name of a layer to what stands before ".weight"

EPSILON = 1e-5  # of torch.nn.BatchNorm2d
CONVOLUTIONS = {  # of VGG, in each block before its pooling
    "vgg11": (1, 1, 2, 2, 2),
    "vgg13": (2, 2, 2, 2, 2),
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
}
_NORM = ("weight", "bias", "running_mean", "running_var")
_STRIDE = "Keras has the stride of a block in its first 1x1 convolution, torchvision in its 3x3"
_REFUSED = {
    **dict.fromkeys(("resnet50", "resnet101", "resnet152"), _STRIDE),
    "inception_v3": "Keras has no gammas in its norms, torchvision has",
    **dict.fromkeys(
        ("mobilenet_v3_small", "mobilenet_v3_large", "efficientnet_b0"),
        "edgecls has no table of its names",
    ),
}


def from_torch(network: Network, backbone: Model, state: State, *, where: str) -> Arrays:
    """The tensors of a state dictionary for the backbone's layers, float32 in the layout of Keras.

    Raises ModelError when torchvision's network of that name is built otherwise, a tensor is missing, or the file
    has convolutions that neither the backbone nor a head has.
    """
    if network.name in _REFUSED:
        raise ModelError(
            f"{where}: PyTorch's weights do not fit {network.name} ({_REFUSED[network.name]}); "
            "use a .keras or .weights.h5 file"
        )
    state = {_modern(name): array for name, array in state.items()}
    prefix = _prefixes(network, state)
    weighted = [layer for layer in backbone.layers if layer.weights]
    found = {layer.name: layer_arrays(layer, prefix(layer.name), state, where=where) for layer in weighted}
    convolutions = [name.rpartition(".")[0] for name, array in state.items() if array.ndim == 4]
    taken = {prefix(layer.name) for layer in weighted}
    refuse_surplus([name for name in convolutions if name not in taken], where=where)
    return found


def scaling_of_torch(network: Network) -> Scaling:
    """What torchvision's weights of the network expect: ImageNet's mean and deviation.

    GoogLeNet's came from TensorFlow: its `transform_input` turns standardised pixels back to -1..1. Of a network
    that torchvision does not have, nothing else is known than what the network itself does.
    """
    if network.name == "googlenet":
        return SIGNED
    return TORCH if re.match(r"alexnet|vgg|resnet|densenet|mobilenet_v2", network.name) else network.scaling


def epsilon_of_torch(network: Network) -> float | None:
    """The epsilon of the norms in torchvision's network; None where ours is built after it and has the same."""
    return EPSILON if re.fullmatch(r"densenet1(21|69)|mobilenet_v2", network.name) else None


def _prefixes(network: Network, state: State) -> Prefix:
    if network.name in CONVOLUTIONS:
        return _vgg(CONVOLUTIONS[network.name]).__getitem__
    if network.name in ("densenet121", "densenet169"):
        return _densenet
    if network.name == "mobilenet_v2":
        return _mobilenet_v2
    if network.name.startswith("efficientnet_lite"):
        return efficientnet_lite_prefix
    by_layer = {name.rpartition(".")[0].replace(".", "_"): name.rpartition(".")[0] for name in state}
    return lambda layer: by_layer.get(layer, layer)


def _modern(name: str) -> str:
    """The name as torchvision's modules have it today: without DataParallel's prefix; DenseNet's files, older than its
    code, say denselayer1.norm.1 for denselayer1.norm1 (see its _load_state_dict).
    """
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2.", name.removeprefix("module."))


def _vgg(blocks: tuple[int, ...]) -> dict[str, str]:
    """Every convolution is followed by a ReLU and every block by a pooling, which count too."""
    names, number = {}, 0
    for block, count in enumerate(blocks, start=1):
        for i in range(1, count + 1):
            names[f"block{block}_conv{i}"] = f"features.{number}"
            number += 2
        number += 1
    return names


def _densenet(layer: str) -> str:
    """conv3_block2_1_bn -> features.denseblock2.denselayer2.norm2, pool2_conv -> features.transition1.conv."""
    ends = {"conv1_conv": "features.conv0", "conv1_bn": "features.norm0", "bn": "features.norm5"}
    if layer in ends:
        return ends[layer]
    if match := re.fullmatch(r"pool(\d)_(bn|conv)", layer):
        return f"features.transition{int(match[1]) - 1}.{'norm' if match[2] == 'bn' else 'conv'}"
    block, number, part = re.fullmatch(r"conv(\d)_block(\d+)_(\w+)", layer).groups()  # type: ignore[union-attr]
    theirs = {"0_bn": "norm1", "1_conv": "conv1", "1_bn": "norm2", "2_conv": "conv2"}[part]
    return f"features.denseblock{int(block) - 1}.denselayer{number}.{theirs}"


def _mobilenet_v2(layer: str) -> str:
    """block_3_project_BN -> features.4.conv.3; the first block has no expansion."""
    ends = {"Conv1": "0.0", "bn_Conv1": "0.1", "Conv_1": "18.0", "Conv_1_bn": "18.1"}
    if layer in ends:
        return f"features.{ends[layer]}"
    if layer.startswith("expanded_conv_"):
        number, part = 1, layer.removeprefix("expanded_conv_")
        parts = {"depthwise": "0.0", "depthwise_BN": "0.1", "project": "1", "project_BN": "2"}
    else:
        number, part = int(layer.split("_")[1]) + 1, layer.split("_", 2)[2]
        parts = {"expand": "0.0", "expand_BN": "0.1", "depthwise": "1.0", "depthwise_BN": "1.1"}
        parts |= {"project": "2", "project_BN": "3"}
    return f"features.{number}.conv.{parts[part]}"


LITE_NAMES = {
    "stem_conv": "_conv_stem",
    "stem_bn": "_bn0",
    "top_conv": "_conv_head",
    "top_bn": "_bn1",
    "expand_conv": "_expand_conv",
    "expand_bn": "_bn0",
    "depthwise_conv": "_depthwise_conv",
    "depthwise_bn": "_bn1",
    "project_conv": "_project_conv",
    "project_bn": "_bn2",
}


def efficientnet_lite_prefix(layer: str) -> str:
    """block3_expand_bn -> _blocks.3._bn0, as the package efficientnet_lite_pytorch names them."""
    block = re.match(r"block(\d+)_", layer)
    if block is None:
        return LITE_NAMES[layer]
    return f"_blocks.{block[1]}.{LITE_NAMES[layer.removeprefix(block[0])]}"


def layer_arrays(layer: Any, prefix: str, state: State, *, where: str) -> list[Array]:
    """The tensors below `prefix` for one layer, float32 in the layout of Keras and the order of the layer's weights.

    Raises ModelError when one is missing, or `prefix` has another that the layer has no place for.
    """
    parts = _parts(layer, where=where)
    for part in parts:
        if f"{prefix}.{part}" not in state:
            raise ModelError(
                f"{where}: expected '{prefix}.{part}' for layer {layer.name}, found none; "
                "use the weights of the same network"
            )
    extra = [
        name for name in state if name.rpartition(".")[0] == prefix and name.rpartition(".")[2] not in parts
    ]
    if surplus := [name for name in extra if not name.endswith(".num_batches_tracked")]:
        raise ModelError(
            f"{where}: layer {layer.name} has no place for '{surplus[0]}'; use the weights of the same network"
        )
    return [_to_keras(layer, state[f"{prefix}.{part}"]) for part in parts]


def _parts(layer: Any, *, where: str) -> tuple[str, ...]:
    kind = type(layer).__name__
    if kind == "BatchNormalization":
        return _NORM
    if kind in ("Conv2D", "DepthwiseConv2D", "Dense"):
        return ("weight", "bias") if layer.use_bias else ("weight",)
    raise ModelError(
        f"{where}: layer {layer.name} is a {kind}, which cannot be filled from PyTorch; "
        "use a .keras or .weights.h5 file"
    )


def _to_keras(layer: Any, array: NDArray[np.generic]) -> Array:
    """(out, in, h, w) to (h, w, in, out); depthwise (c, 1, h, w) to (h, w, c, 1); (out, in) to (in, out)."""
    if array.ndim == 4:
        axes = (2, 3, 0, 1) if type(layer).__name__ == "DepthwiseConv2D" else (2, 3, 1, 0)
        array = array.transpose(axes)
    elif array.ndim == 2:
        array = array.T
    return np.ascontiguousarray(array, np.float32)
