"""Weight files: what Keras or PyTorch saved, read without running anything, into the layers of a backbone.

Of a Keras file only the arrays and the names of the layers are read, never the program the file describes; of a
PyTorch file only tensors (see pth.py).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgecls.errors import ModelError, UsageError
from edgecls.files import sha256_file
from edgecls.networks.folding import Arrays, check_fit, fill, fold_input, fold_norms
from edgecls.networks.keras_files import read_h5, read_keras
from edgecls.networks.network import Model, Network
from edgecls.networks.pth import read_pth
from edgecls.networks.torch_names import epsilon_of_torch, from_torch, scaling_of_torch

SUFFIXES = (".keras", ".weights.h5", ".pth", ".pt")


def load_weight_file(network: Network, backbone: Model, path: Path) -> str:
    """Fill the backbone from the file, by the names of its layers, and return which file it was.

    The layers of a head are ignored, other convolutions that the backbone does not have are refused. A .weights.h5
    must come from the network that `Network.build` makes, which names its scaling. A .keras says its scaling, and a
    PyTorch file is taken to expect torchvision's: both are folded into the first convolution (see fold_scaling).

    Raises UsageError when there is no such file or its suffix is another, ModelError when it cannot be read or a
    layer is missing, surplus or of another shape; then the backbone is as it was.
    """
    _check_path(path)
    where = path.name
    if path.name.endswith(".keras"):
        found = read_keras(path, network, backbone)
    elif path.name.endswith(".weights.h5"):
        found = read_h5(path, network, backbone)
    else:
        found = _read_torch(path, network, backbone)
    _check_finite(found, where)
    fill(backbone, found, where=where)
    return f"{path.name}, sha256 {sha256_file(path)[:12]}{_padding_note(network, backbone, path)}"


def _padding_note(network: Network, backbone: Model, path: Path) -> str:
    """torchvision's MobileNetV2 is Keras' at sides of 32k + 1 alone, see torch_names.py."""
    if (
        network.name != "mobilenet_v2"
        or not path.name.endswith(SUFFIXES[2:])
        or backbone.input_shape[1] % 32 == 1
    ):
        return ""
    return (
        ", trained with padding on both sides: it is the network that was trained at --size 225, 193 or 161"
    )


def _check_path(path: Path) -> None:
    if not path.is_file():
        raise UsageError(f"--weights {path}: expected a file, found none; check the path")
    if not path.name.endswith(SUFFIXES):
        raise UsageError(
            f"--weights {path}: expected a file ending in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}, found "
            f"another; save a network with model.save or a state dictionary with torch.save"
        )


def _read_torch(path: Path, network: Network, backbone: Model) -> Arrays:
    found = from_torch(network, backbone, read_pth(path), where=path.name)
    check_fit(backbone, found, where=path.name)
    if (epsilon := epsilon_of_torch(network)) is not None:
        fold_norms(backbone, found, epsilon)
    fold_input(backbone, found, theirs=scaling_of_torch(network), ours=network.scaling)
    return found


def _check_finite(found: Arrays, where: str) -> None:
    for name, arrays in found.items():
        if not all(np.isfinite(array).all() for array in arrays):
            raise ModelError(
                f"{where}: expected finite numbers for layer {name}, found others; "
                "the training that wrote the file diverged, use another"
            )
