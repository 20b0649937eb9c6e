"""Options to configuration: what is left open suits network and regime, what contradicts is one sentence."""

from __future__ import annotations

import pytest

from edgecls.errors import UsageError
from edgecls.runs import TrainingConfig
from edgecls.training.options import TrainingOptions, make_config


def configured(**options: object) -> TrainingConfig:
    return make_config(TrainingOptions(**options))  # type: ignore[arg-type]


def test_a_network_with_weights_gets_a_head_and_one_without_is_trained_from_scratch() -> None:
    with_weights, without = configured(), configured(network="enet")
    assert (with_weights.regime, with_weights.weights, with_weights.augment) == ("head", "imagenet", 0)
    assert (without.regime, without.weights, without.augment) == ("scratch", "none", 1)


def test_scratch_takes_no_weights_even_of_a_network_that_has_some() -> None:
    assert configured(regime="scratch").weights == "none"


def test_a_head_with_hidden_layers_gets_more_dropout() -> None:
    assert configured().dropout == 0.2
    assert configured(head="flatten-256").dropout == 0.5
    assert configured(network="vgg16", regime="scratch", head="paper").dropout == 0.5
    assert configured(network="efficientnet_lite0", head="paper").dropout == 0.2


def test_fine_tuning_lasts_as_long_as_the_head_unless_said() -> None:
    assert configured(epochs=7).fine_tune_epochs == 7
    assert configured(epochs=7, fine_tune_epochs=2).fine_tune_epochs == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"network": "resnet"}, "expected a network of lenet"),
        ({"regime": "warm"}, "--regime: expected one of scratch, head, finetune, two-stage, found 'warm'"),
        ({"head": "big"}, "--head: expected one of pool, flatten-256, paper, found 'big'"),
        ({"network": "enet", "regime": "head"}, "--regime head needs weights, and enet has none"),
        ({"network": "lenet", "regime": "finetune"}, "--regime finetune needs weights, and lenet has none"),
        ({"regime": "scratch", "weights": "imagenet"}, "--regime scratch trains random weights"),
        ({"regime": "head", "unfreeze": "3"}, "--unfreeze belongs to the regimes finetune and two-stage"),
        ({"network": "vgg16", "regime": "scratch", "size": 31}, "at least 32x32 pixels, found 31"),
        ({"width": 0.5}, "efficientnet_lite0 has one width only, found --width 0.5"),
        ({"network": "enet", "width": 9.0}, "--width: expected a factor of 0.1 to 4, found 9"),
        ({"fine_tune_epochs": 0}, "--fine-tune-epochs: expected at least 1, found 0"),
        ({"weight_decay": -1.0}, "--weight-decay: expected 0 to 1, found -1"),
        ({"augment": -3}, "--augment: expected at least 0, found -3"),
        ({"dropout": 1.0}, "--dropout: expected 0 to 0.9, found 1"),
        ({"learning_rate": float("nan")}, "--learning-rate: a learning rate must be a number above 0"),
    ],
)
def test_what_does_not_fit_is_one_sentence(options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        configured(**options)
