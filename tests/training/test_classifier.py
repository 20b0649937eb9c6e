"""Which layers are trained: frozen, from a layer on by name or number, and never batch normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgecls.errors import UsageError
from edgecls.networks.network import Network
from edgecls.training.classifier import build_head, freeze_backbone, join, unfreeze_from, vectorize

pytestmark = pytest.mark.xdist_group("training")


@pytest.fixture
def keras() -> Any:
    return pytest.importorskip("keras", reason="needs Keras, of the train extra")


@pytest.fixture
def backbone(keras: Any, small_network: Network) -> Any:
    return vectorize(keras, small_network.build(32), "pool")


def trained(backbone: Any) -> list[str]:
    return [layer.name for layer in backbone.layers if layer.trainable_weights]


def test_a_frozen_backbone_trains_nothing(backbone: Any) -> None:
    freeze_backbone(backbone)
    assert trained(backbone) == []


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("all", ["first_conv", "second_conv"]),
        ("first_conv", ["first_conv", "second_conv"]),
        ("first_bn", ["second_conv"]),
        ("second_conv", ["second_conv"]),
        ("0", ["first_conv", "second_conv"]),
        ("5", ["second_conv"]),
        ("6", []),
    ],
)
def test_layers_are_trained_from_a_name_or_number_on_without_batch_normalisation(
    keras: Any, backbone: Any, start: str, expected: list[str]
) -> None:
    freeze_backbone(backbone)
    sentence = unfreeze_from(keras, backbone, start, norm="kept")
    assert trained(backbone) == expected
    assert sentence.startswith(f"{len(expected)} layers from '")


def test_an_unknown_layer_is_answered_with_those_there_are(keras: Any, backbone: Any) -> None:
    with pytest.raises(UsageError, match="found 'third_conv'; layers: first_conv, first_bn, second_conv"):
        unfreeze_from(keras, backbone, "third_conv", norm="kept")
    with pytest.raises(
        UsageError, match="layer's name or number, found '²'"
    ):  # a digit to str, no number to int
        unfreeze_from(keras, backbone, "²", norm="kept")


@pytest.mark.parametrize("number", ["9", "100"])
def test_a_number_beyond_the_last_layer_is_answered_with_the_range(
    keras: Any, backbone: Any, number: str
) -> None:
    with pytest.raises(UsageError, match=f"--unfreeze {number}: the network has layers 0 to 8"):
        unfreeze_from(keras, backbone, number, norm="kept")


def test_the_joined_model_shares_its_weights_with_backbone_and_head(keras: Any, backbone: Any) -> None:
    head = build_head(keras, 12, 3, hidden=(), dropout=0.2)
    model = join(keras, backbone, head)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.float32)
    head.layers[-1].set_weights([np.eye(12, 3, dtype=np.float32), np.zeros(3, np.float32)])
    expected = head.predict_on_batch(backbone.predict_on_batch(pixels))
    assert np.allclose(model.predict_on_batch(pixels), expected, atol=1e-6)
    assert np.allclose(expected.sum(axis=1), 1, atol=1e-6)


def test_batch_normalisation_is_trained_when_asked(keras: Any, backbone: Any) -> None:
    unfreeze_from(keras, backbone, "second_conv", norm="trained")
    assert trained(backbone) == ["second_conv", "second_bn"]


def test_a_flattened_head_has_its_hidden_layer_and_keeps_where_things_are(
    keras: Any, small_network: Network
) -> None:
    backbone = vectorize(keras, small_network.build(32), "flatten-256")
    assert backbone.output.shape[1:] == (8 * 8 * 12,)
    head = build_head(keras, 768, 3, hidden=(256,), dropout=0.5)
    assert [layer.name for layer in head.layers[1:]] == ["head_dense1", "head_dropout1", "probabilities"]
    assert head.count_params() == 768 * 256 + 256 + 256 * 3 + 3


@pytest.mark.parametrize(("dropout", "layers"), [(0.0, 2), (0.5, 3)])
def test_a_head_has_dropout_only_when_asked_for(keras: Any, dropout: float, layers: int) -> None:
    assert len(build_head(keras, 12, 3, hidden=(), dropout=dropout).layers) == layers
