"""--weights FILE: what Keras and PyTorch saved is found by the names of layers; what does not fit is one sentence."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.errors import EdgeclsError, ModelError, UsageError
from edgecls.files import sha256_file
from edgecls.networks.network import Network
from edgecls.networks.scaling import RAW, SIGNED, TORCH
from edgecls.networks.weights import load_weights

pytestmark = pytest.mark.xdist_group("networks")
SIDE = 32


def body(x: Any, width: float) -> Any:
    """A convolution with a norm, a depthwise one, and one with a bias; named as torchvision would."""
    keras = pytest.importorskip("keras", reason="needs Keras, of the train extra")
    layers = keras.layers
    x = layers.Conv2D(int(4 * width), 3, use_bias=False, name="features_0_0")(x)
    x = layers.BatchNormalization(epsilon=1e-5, name="features_0_1")(x)
    x = layers.DepthwiseConv2D(3, use_bias=False, name="features_1_depthwise")(x)
    return layers.Conv2D(6, (3, 1), name="features_2")(x)


TINY = Network("alexnet", "Tiny", "none", body=body, scaling=TORCH, size=SIDE, min_size=8, scalable=True)


def trained(network: Network = TINY, width: float = 1.0) -> Any:
    """A backbone with made weights, all different."""
    rng = np.random.default_rng(7)
    backbone = network.build(SIDE, width)
    for layer in backbone.layers:
        layer.set_weights([rng.uniform(0.1, 1, w.shape).astype(np.float32) for w in layer.weights])
    return backbone


def answers(backbone: Any) -> np.ndarray:
    pixels = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.float32)
    return np.asarray(backbone.predict_on_batch(pixels))


def same(backbone: Any, other: Any) -> bool:
    pairs = zip(backbone.get_weights(), other.get_weights(), strict=True)
    return all(np.array_equal(one, two) for one, two in pairs)


def torch_state(backbone: Any) -> dict[str, np.ndarray]:
    """What a state dictionary of the same network holds, and the head that is no part of the backbone."""
    state = {"classifier.1.weight": np.ones((5, 6), np.float32), "classifier.1.bias": np.ones(5, np.float32)}
    for layer in backbone.layers:
        name = layer.name.replace("_", ".")
        parts = (
            ["weight", "bias"]
            if len(layer.weights) < 4
            else ["weight", "bias", "running_mean", "running_var"]
        )
        for part, array in zip(parts, layer.get_weights(), strict=False):
            if array.ndim == 4:
                array = array.transpose(*((2, 3, 0, 1) if "depthwise" in name else (3, 2, 0, 1)))
            state[f"{name}.{part}"] = array
    return state | {"features.0.1.num_batches_tracked": np.ones(1, np.float32)}


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_what_keras_saved_comes_back_and_the_sentence_names_the_file(tmp_path: Path, suffix: str) -> None:
    backbone, other = trained(), TINY.build(SIDE)
    path = tmp_path / f"mine{suffix}"
    backbone.save(path) if suffix == ".keras" else backbone.save_weights(path)
    assert load_weights(TINY, other, str(path)) == f"mine{suffix}, sha256 {sha256_file(path)[:12]}"
    assert same(backbone, other)


def test_the_head_of_a_saved_classifier_is_ignored_and_another_size_fits(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras", reason="needs Keras, of the train extra")
    backbone, other = trained(), TINY.build(SIDE + 9)
    x = keras.layers.GlobalAveragePooling2D()(backbone.output)
    keras.Model(backbone.input, keras.layers.Dense(3, name="head")(x)).save(tmp_path / "model.keras")
    load_weights(TINY, other, str(tmp_path / "model.keras"))
    assert same(backbone, other)


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_a_deeper_siblings_weights_are_refused_by_the_first_layer_too_many(
    tmp_path: Path, suffix: str
) -> None:
    keras = pytest.importorskip("keras", reason="needs Keras, of the train extra")

    def deeper(x: Any, width: float) -> Any:
        x = body(x, width)
        for number in (10, 9):
            x = keras.layers.Conv2D(6, 1, name=f"features_{number}")(x)
        return x

    sibling, backbone = trained(replace(TINY, body=deeper)), trained()
    path = tmp_path / f"deep{suffix}"
    sibling.save(path) if suffix == ".keras" else sibling.save_weights(path)
    words = "expected no layers but the network's and a head, found features_9; use the weights of the same"
    with pytest.raises(ModelError, match=rf"^deep{re.escape(suffix)}: {words}"):
        load_weights(TINY, backbone, str(path))
    assert same(backbone, trained())


def test_an_optimizers_numbers_and_a_head_of_convolutions_are_no_layers_too_many(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras", reason="needs Keras, of the train extra")
    backbone, other = trained(), TINY.build(SIDE)
    x = keras.layers.Conv2D(3, 1, name="conv_preds")(backbone.output)
    model = keras.Model(backbone.input, keras.layers.GlobalAveragePooling2D()(x))
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "model.keras")
    load_weights(TINY, other, str(tmp_path / "model.keras"))
    assert same(backbone, other)


def test_a_backbone_inside_another_model_is_found(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras", reason="needs Keras, of the train extra")
    backbone, other = trained(), TINY.build(SIDE)
    image = keras.Input((SIDE, SIDE, 3))
    keras.Model(image, keras.layers.Flatten()(backbone(image))).save_weights(tmp_path / "outer.weights.h5")
    load_weights(TINY, other, str(tmp_path / "outer.weights.h5"))
    assert same(backbone, other)


def test_a_keras_file_of_another_scaling_gives_the_same_answers(tmp_path: Path) -> None:
    backbone, signed = trained(), replace(TINY, scaling=SIGNED)
    backbone.save(tmp_path / "torch.keras")
    other = signed.build(SIDE)
    load_weights(signed, other, str(tmp_path / "torch.keras"))
    np.testing.assert_allclose(answers(other), answers(backbone), rtol=1e-3)


def test_a_keras_file_that_does_not_say_its_scaling_is_refused(tmp_path: Path) -> None:
    trained(replace(TINY, scaling=RAW)).save(tmp_path / "raw.keras")
    with pytest.raises(ModelError, match=r"raw\.keras: expected a model with a layer 'scaling'"):
        load_weights(TINY, TINY.build(SIDE), str(tmp_path / "raw.keras"))


def test_weights_that_do_not_say_their_scaling_are_refused(tmp_path: Path) -> None:
    """keras.applications.VGG16().save_weights fits every layer, and its first one takes blue, green, red."""
    backbone = TINY.build(SIDE)
    trained(replace(TINY, scaling=RAW)).save_weights(tmp_path / "theirs.weights.h5")
    before = backbone.get_weights()
    with pytest.raises(
        ModelError, match=r"theirs\.weights\.h5: expected .* with its layer 'scaling', found none"
    ):
        load_weights(TINY, backbone, str(tmp_path / "theirs.weights.h5"))
    assert all(map(np.array_equal, before, backbone.get_weights()))


@pytest.mark.parametrize("prefix", ["", "module."], ids=["plain", "DataParallel"])
@pytest.mark.parametrize("scaling", [TORCH, SIGNED], ids=["their scaling", "ours"])
def test_a_state_of_pytorch_gives_what_the_network_gives_there(
    tmp_path: Path, write_state: Callable[..., Path], scaling: Any, prefix: str
) -> None:
    backbone, network = trained(), replace(TINY, scaling=scaling)
    state = {prefix + name: array for name, array in torch_state(backbone).items()}
    other = network.build(SIDE)
    path = write_state(tmp_path / "state.pth", state)
    assert load_weights(network, other, str(path)) == f"state.pth, sha256 {sha256_file(path)[:12]}"
    np.testing.assert_allclose(answers(other), answers(backbone), rtol=1e-3)


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5", ".pth"])
def test_another_width_names_layer_and_both_shapes_and_changes_nothing(
    tmp_path: Path, write_state: Callable[..., Path], suffix: str
) -> None:
    wide, backbone = trained(width=2), trained()
    path = tmp_path / f"wide{suffix}"
    if suffix == ".pth":
        write_state(path, torch_state(wide))
    else:
        wide.save(path) if suffix == ".keras" else wide.save_weights(path)
    found = "layer features_0_0: expected weights of 3x3x3x4, found 3x3x3x8; use the weights of the same"
    with pytest.raises(ModelError, match=rf"^wide{re.escape(suffix)}: {found}"):
        load_weights(TINY, backbone, str(path))
    assert same(backbone, trained())


@pytest.mark.parametrize("suffix", [".weights.h5", ".pth"])
def test_a_missing_layer_is_named(tmp_path: Path, write_state: Callable[..., Path], suffix: str) -> None:
    path = tmp_path / f"short{suffix}"
    if suffix == ".pth":
        state = torch_state(trained())
        del state["features.2.bias"]
        write_state(path, state)
    else:
        trained(
            replace(TINY, body=lambda x, width: body(x, width)._keras_history.operation.input)
        ).save_weights(path)
    with pytest.raises(
        ModelError, match=rf"^short{re.escape(suffix)}: expected .*for layer features_2, found none"
    ):
        load_weights(TINY, TINY.build(SIDE), str(path))


def test_a_tensor_that_the_layer_has_no_place_for_is_refused(
    tmp_path: Path, write_state: Callable[..., Path]
) -> None:
    state = torch_state(trained()) | {"features.0.0.bias": np.ones(4, np.float32)}
    with pytest.raises(ModelError, match=r"layer features_0_0 has no place for 'features\.0\.0\.bias'"):
        load_weights(TINY, TINY.build(SIDE), str(write_state(tmp_path / "w.pt", state)))


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    backbone = trained()
    backbone.get_layer("features_2").bias.assign([0, 1, 2, np.nan, 4, 5])
    backbone.save_weights(tmp_path / "w.weights.h5")
    with pytest.raises(ModelError, match="expected finite numbers for layer features_2"):
        load_weights(TINY, TINY.build(SIDE), str(tmp_path / "w.weights.h5"))


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        (
            "imagnet",
            UsageError,
            "alexnet has no weights 'imagnet'; expected one of: none, or the path of a .keras",
        ),
        ("absent.pth", UsageError, r"--weights absent\.pth: expected a file, found none; check the path"),
        ("there/absent", UsageError, "--weights there/absent: expected a file, found none"),
        ("notes.txt", UsageError, r"--weights notes\.txt: expected a file ending in \.keras, \.weights\.h5"),
        ("old.h5", UsageError, r"--weights old\.h5: expected a file ending in"),
        ("text.keras", ModelError, r"^text\.keras: expected a model saved by Keras 3, found something else"),
        (
            "text.weights.h5",
            ModelError,
            r"^text\.weights\.h5: expected a weight file of Keras 3, found something",
        ),
        ("text.pth", ModelError, r"text\.pth: expected a PyTorch weight file, found something else"),
        ("folder.pth", UsageError, r"--weights folder\.pth: expected a file, found none"),
    ],
)
def test_what_is_no_weight_file_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, error: type[EdgeclsError], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("notes.txt", "old.h5", "text.keras", "text.weights.h5", "text.pth"):
        Path(name).write_text("no weights")
    Path("folder.pth").mkdir()
    with pytest.raises(error, match=words) as caught:
        load_weights(TINY, TINY.build(SIDE), source)
    assert "\n" not in str(caught.value)


def test_a_keras_file_is_read_without_making_the_layers_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keras = pytest.importorskip("keras", reason="needs Keras, of the train extra")
    backbone, other = trained(), TINY.build(SIDE)
    x = keras.layers.Lambda(lambda x: x + 1, name="trap")(backbone.output)
    keras.Model(backbone.input, x).save(tmp_path / "lambda.keras")
    monkeypatch.setattr(keras.Layer, "from_config", None)
    monkeypatch.setattr(keras.layers.Lambda, "from_config", None)
    load_weights(TINY, other, str(tmp_path / "lambda.keras"))
    assert same(backbone, other)


def test_a_link_to_another_file_is_not_followed(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py", reason="needs h5py, which comes with Keras")
    trained().save_weights(tmp_path / "real.weights.h5")
    with h5py.File(tmp_path / "linked.weights.h5", "w") as file:
        file["layers"] = h5py.ExternalLink(str(tmp_path / "real.weights.h5"), "/layers")
    with pytest.raises(ModelError, match="expected layers with names, as Keras 3 saves them, found none"):
        load_weights(TINY, TINY.build(SIDE), str(tmp_path / "linked.weights.h5"))


@pytest.mark.parametrize("kind", ["link", "external storage", "integers"])
def test_arrays_that_do_not_lie_in_the_file_as_floats_are_refused(tmp_path: Path, kind: str) -> None:
    h5py = pytest.importorskip("h5py", reason="needs h5py, which comes with Keras")
    path = tmp_path / "odd.weights.h5"
    trained().save_weights(path)
    (tmp_path / "elsewhere").write_bytes(bytes(24))
    with h5py.File(path, "r+") as file:
        group = file["layers/conv2d_1/vars"]
        del group["1"]
        if kind == "link":
            group["1"] = h5py.SoftLink("/layers/conv2d/vars/0")
        elif kind == "integers":
            group["1"] = np.zeros(6, np.int32)
        else:
            group.create_dataset("1", (6,), "<f4", external=str(tmp_path / "elsewhere"))
    with pytest.raises(ModelError, match="layer features_2: expected arrays of floats inside the file"):
        load_weights(TINY, TINY.build(SIDE), str(path))


def test_a_group_that_holds_itself_is_read_once(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py", reason="needs h5py, which comes with Keras")
    backbone, other = trained(), TINY.build(SIDE)
    backbone.save_weights(tmp_path / "ring.weights.h5")
    with h5py.File(tmp_path / "ring.weights.h5", "r+") as file:
        file["layers/again"] = file["layers"]
    load_weights(TINY, other, str(tmp_path / "ring.weights.h5"))
    assert same(backbone, other)


def test_a_file_that_promises_an_enormous_array_is_refused_by_its_shape(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py", reason="needs h5py, which comes with Keras")
    path = tmp_path / "huge.weights.h5"
    trained().save_weights(path)
    with h5py.File(path, "r+") as file:
        group = file["layers/conv2d_1/vars"]
        del group["1"]
        group.create_dataset("1", (1 << 45,), "<f4", chunks=(1 << 20,))
    with pytest.raises(
        ModelError, match="expected weights of 3x1x4x6 and 6, found 3x1x4x6 and 35184372088832"
    ):
        load_weights(TINY, TINY.build(SIDE), str(path))


def test_a_keras_file_that_unpacks_to_far_more_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps({"config": {"layers": []}}))
        archive.writestr("model.weights.h5", bytes(1 << 23))
    with pytest.raises(
        ModelError, match=r"'model\.weights\.h5' says 8388608 bytes, far more than the file has"
    ):
        load_weights(TINY, TINY.build(SIDE), str(tmp_path / "bomb.keras"))
