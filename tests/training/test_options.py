"""Options to configuration: what is left open suits network and regime, what contradicts is one sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edgecls.errors import UsageError
from edgecls.networks.vgg import VGG16
from edgecls.runs import TrainingConfig
from edgecls.training.options import READ_BY, REGIMES, TrainingOptions, make_config, without_unread


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
    asked = configured(regime="two-stage", epochs=7, fine_tune_epochs=2)
    assert (asked.epochs, asked.fine_tune_epochs) == (7, 2)


def test_two_stages_tune_all_layers_for_a_few_epochs_and_keep_what_comes_of_it() -> None:
    asked = configured(network="vgg16", weights="file.h5", regime="two-stage")
    assert (asked.unfreeze, asked.norm, asked.keep, asked.patience) == ("all", "kept", "last", 0)
    assert (asked.epochs, asked.fine_tune_epochs, asked.augment) == (40, 12, 4)
    assert asked.fine_tune_rate == VGG16.fine_tune_rate < configured(network="resnet50").fine_tune_rate
    assert configured(regime="two-stage", keep="best", patience=3).patience == 3
    assert configured(regime="finetune").keep == configured().keep == "best"


def test_the_networks_own_late_layers_are_trained_when_asked_for() -> None:
    assert configured(network="vgg16", regime="two-stage", unfreeze="late").unfreeze == VGG16.unfreeze
    assert configured(regime="finetune").unfreeze == "all"
    assert configured().unfreeze is None


@pytest.mark.parametrize("said", [{"epochs": 7}, {"fine_tune_epochs": 7}])
def test_fine_tuning_alone_has_one_number_of_epochs_whoever_says_it(said: dict[str, object]) -> None:
    asked = configured(regime="finetune", **said)
    assert (asked.epochs, asked.fine_tune_epochs) == (7, 7)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"network": "resnet"}, "expected a network of lenet"),
        ({"regime": "warm"}, "--regime: expected one of scratch, head, finetune, two-stage, found 'warm'"),
        ({"head": "big"}, "--head: expected one of pool, flatten-256, paper, found 'big'"),
        ({"network": "enet", "regime": "head"}, "--regime head needs weights, and enet has none"),
        ({"network": "lenet", "regime": "finetune"}, "--regime finetune needs weights, and lenet has none"),
        (
            {"regime": "scratch", "weights": "imagenet"},
            "--weights belongs to the .* found regime scratch; leave",
        ),
        ({"regime": "head", "unfreeze": "3"}, "--unfreeze belongs to the regimes finetune and two-stage"),
        (
            {"fine_tune_rate": 1e-5},
            "--fine-tune-rate belongs to the regimes finetune and two-stage, found regime head; leave "
            "--fine-tune-rate out, or choose one of these regimes",
        ),
        (
            {"regime": "finetune", "epochs": 7, "fine_tune_epochs": 7},
            "--epochs: regime finetune is one stage, found --fine-tune-epochs too; give one of them",
        ),
        ({"network": "vgg16", "regime": "scratch", "size": 31}, "at least 32x32 pixels, found 31"),
        ({"width": 0.5}, "efficientnet_lite0 has one width only, found --width 0.5"),
        ({"network": "enet", "width": 9.0}, "--width: expected a factor of 0.1 to 4, found 9"),
        ({"fine_tune_epochs": 0}, "--fine-tune-epochs: expected at least 1, found 0"),
        ({"weight_decay": -1.0}, "--weight-decay: expected 0 to 1, found -1"),
        ({"augment": -3}, "--augment: expected at least 0, found -3"),
        ({"augment": 1, "cutout": 1.0}, "--cutout: expected 0 to 0.9, found 1"),
        ({"cutout": 0.5}, "--cutout 0.5 needs augmented views, found none; add --augment 1"),
        ({"dropout": 1.0}, "--dropout: expected 0 to 0.9, found 1"),
        ({"learning_rate": float("nan")}, "--learning-rate: a learning rate must be a number above 0"),
    ],
)
def test_what_does_not_fit_is_one_sentence(options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        configured(**options)


SAID: dict[str, Any] = {
    "weights": "imagenet",
    "unfreeze": "3",
    "norm": "kept",
    "fine_tune_epochs": 3,
    "fine_tune_rate": 1e-5,
    "learning_rate": 1e-5,
    "schedule": "constant",
}
CASES = [(regime, name) for regime in REGIMES for name in READ_BY]


@pytest.mark.parametrize(("regime", "name"), CASES)
def test_an_option_is_taken_by_the_regimes_that_read_it_and_refused_by_the_others(
    regime: str, name: str
) -> None:
    if regime in READ_BY[name]:
        assert getattr(configured(regime=regime, **{name: SAID[name]}), name) == SAID[name]
        return
    flag = name.replace("_", "-")
    with pytest.raises(UsageError, match=f"^--{flag} belongs to the regimes .* found regime {regime}; leave"):
        configured(regime=regime, **{name: SAID[name]})


@pytest.mark.parametrize("regime", REGIMES)
def test_options_that_no_stage_reads_leave_the_configuration_as_it_is_without_them(regime: str) -> None:
    given: Any = {name: said for name, said in SAID.items() if regime not in READ_BY[name]}
    asked = without_unread(TrainingOptions(regime=regime, epochs=5, **given))
    assert make_config(asked) == configured(regime=regime, epochs=5)
    read = TrainingOptions(regime=regime, **{name: said for name, said in SAID.items() if name not in given})
    assert without_unread(read) == read


def test_epochs_that_fine_tuning_alone_does_not_read_make_no_difference() -> None:
    asked = TrainingOptions(regime="finetune", epochs=5, fine_tune_epochs=3)
    assert make_config(without_unread(asked)) == make_config(without_unread(replace(asked, epochs=9)))
    assert make_config(without_unread(asked)).fine_tune_epochs == 3


def test_scratch_may_be_told_that_it_has_no_weights() -> None:
    assert configured(regime="scratch", weights="none") == configured(regime="scratch")


def test_what_is_never_looked_at_makes_no_other_training() -> None:
    patient = make_config(TrainingOptions(keep="last", patience=7))
    assert patient == make_config(TrainingOptions(keep="last", patience=3))
    assert make_config(TrainingOptions(patience=7)) != make_config(TrainingOptions(patience=3))
    plain = make_config(TrainingOptions(augment=0, flip=False))
    assert plain == make_config(TrainingOptions(augment=0))
    assert make_config(TrainingOptions(augment=1, flip=False)) != make_config(TrainingOptions(augment=1))
