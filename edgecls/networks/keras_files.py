"""Reading the arrays of .keras and .weights.h5 files by the names of layers; no class a file names is ever made.

Keras 3 keeps the weights of a layer in a group ".../vars" as data sets "0", "1", ..., in the order of
layer.weights; the group's attribute "name" is the layer's name. The groups themselves are named after classes and
counted, so their paths say nothing.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from edgecls.errors import ModelError, need
from edgecls.networks.folding import Arrays, check_shapes, fold_input, refuse_surplus
from edgecls.networks.network import Model, Network
from edgecls.networks.scaling import RAW, Scaling

SCALING = "scaling"  # the layer that Network.build puts in front


def read_keras(path: Path, network: Network, backbone: Model) -> Arrays:
    """The arrays of a saved model for the backbone's layers, its scaling folded where it differs from the network's.

    Raises ModelError when the file is no saved Keras model, says no scaling, or lacks a layer.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(_member(archive, "config.json", path))
            weights = io.BytesIO(_member(archive, "model.weights.h5", path))
        theirs = _scaling(config)
    except ModelError:
        raise
    except Exception as error:  # zip, JSON and the keys of a foreign configuration fail in many ways
        raise ModelError(
            f"{path.name}: expected a model saved by Keras 3, found something else ({error}); save it again"
        ) from error
    if theirs is None and network.scaling != RAW:
        raise ModelError(
            f"{path.name}: expected a model with a layer 'scaling', as edgecls saves it, found none; "
            "put keras.layers.Rescaling with that name behind its input of red, green, blue and save it again"
        )
    found = _read_h5(weights, backbone, where=path.name)
    fold_input(backbone, found, theirs=theirs or RAW, ours=network.scaling)
    return found


def _member(archive: zipfile.ZipFile, name: str, path: Path) -> bytes:
    size = archive.getinfo(name).file_size
    if size > 4 * path.stat().st_size + (1 << 20):  # weights hardly compress: this is a bomb
        raise ModelError(
            f"{path.name}: '{name}' says {size} bytes, far more than the file has; save it again"
        )
    return archive.read(name)


def _scaling(config: dict[str, Any]) -> Scaling | None:
    """What the saved model's layer "scaling" does; None when it has none."""
    for layer in config["config"]["layers"]:
        if layer["class_name"] == "Rescaling" and layer["config"]["name"] == SCALING:
            scale, offset = (np.broadcast_to(layer["config"][key], 3).tolist() for key in ("scale", "offset"))
            return Scaling(tuple(scale), tuple(offset))
    return None


def read_h5(path: Path, network: Network, backbone: Model) -> Arrays:
    """The arrays of a weight file for the backbone's layers.

    Raises ModelError when the file is no HDF5 file of Keras 3, a layer is missing or of another shape, or the file
    has convolutions that neither the backbone nor a head has. Also when it does not name the network's layer
    "scaling": weights of keras.applications fit every layer, and many expect blue, green, red.
    """
    return _read_h5(path, backbone, where=path.name, scaled=network.scaling != RAW)


def _read_h5(source: Path | BinaryIO, backbone: Model, *, where: str, scaled: bool = False) -> Arrays:
    h5py = need("h5py", "train")
    try:
        with h5py.File(source, "r") as file:
            named = dict(_named_groups(h5py, file, set()))
            groups = {name: group for name, group in named.items() if len(group)}
            if not groups:
                raise ModelError(
                    f"{where}: expected layers with names, as Keras 3 saves them, found none; "
                    "save the weights again with Keras 3"
                )
            found = {
                layer.name: _arrays(h5py, groups.get(layer.name, {}), layer, where=where)
                for layer in backbone.layers
                if layer.weights
            }
            if scaled and SCALING not in named:
                raise ModelError(
                    f"{where}: expected weights that edgecls' own network was saved to, with its layer '{SCALING}', "
                    "found none of that name, so nobody can tell which pixels they expect; save a .keras that takes "
                    f"red, green, blue and begins with a keras.layers.Rescaling named '{SCALING}'"
                )
            convolutions = [name for name, group in groups.items() if _is_convolution(h5py, group)]
            refuse_surplus([name for name in convolutions if name not in found], where=where)
            return found
    except ModelError:
        raise
    except Exception as error:  # h5py raises OSError, KeyError, RuntimeError for what is damaged
        raise ModelError(
            f"{where}: expected a weight file of Keras 3, found something else ({error}); save it again"
        ) from error


def _named_groups(h5py: Any, group: Any, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """Name of a layer -> its group of arrays, empty of one without weights. Links are not followed: a file may only
    speak of what lies in itself.
    """
    for key in group:
        child = _own(h5py, group, key)
        if not isinstance(child, h5py.Group):
            continue
        address = h5py.h5o.get_info(child.id).addr
        if address in seen:  # a group may hold itself
            continue
        seen.add(address)
        if key == "vars" and isinstance(child.attrs.get("name"), str):
            yield child.attrs["name"], child
        yield from _named_groups(h5py, child, seen)


def _own(h5py: Any, group: Any, key: str) -> Any:
    """What lies under `key`, None for a link: it could lead to another file."""
    return group[key] if group.get(key, getclass=True, getlink=True) is h5py.HardLink else None


def _is_convolution(h5py: Any, group: Any) -> bool:
    """Whether the first array of a layer is a kernel of four axes; the first of an optimizer counts its steps."""
    first = _own(h5py, group, "0")
    return isinstance(first, h5py.Dataset) and len(first.shape) == 4


def _arrays(h5py: Any, group: Any, layer: Any, *, where: str) -> list[Any]:
    """The arrays of one layer; shapes are compared before a number is read, as a file may promise any size."""
    sets = [_own(h5py, group, key) for key in sorted(group, key=int)]
    for found in sets:
        if (
            not isinstance(found, h5py.Dataset)
            or found.external
            or found.is_virtual
            or found.dtype.kind != "f"
        ):
            raise ModelError(
                f"{where}: layer {layer.name}: expected arrays of floats inside the file, found something else; "
                "save the weights again with Keras 3"
            )
    check_shapes(layer, [found.shape for found in sets], where=where)
    return [np.asarray(found[()], np.float32) for found in sets]
