"""The cut below the layers that are trained: the same answer in two parts, and the frozen part asked once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from edgecls.networks.table import find_network
from edgecls.training import backend, stages
from edgecls.training.classifier import build_head, freeze_backbone, join, unfreeze_from, vectorize
from edgecls.training.features import predict_all
from edgecls.training.fit import fit
from edgecls.training.train import TrainingResult
from edgecls.training.trunk import cut_frozen

pytestmark = pytest.mark.xdist_group("training")

Train = Callable[..., TrainingResult]


@pytest.fixture
def keras() -> Iterator[Any]:
    found = pytest.importorskip("keras", reason="needs Keras, of the train extra")
    yield found
    found.backend.clear_session()


def classifier(keras: Any, name: str, size: int) -> tuple[Any, Any]:
    backbone = vectorize(keras, find_network(name).build(size), "pool")
    head = build_head(keras, int(backbone.output.shape[-1]), 4, hidden=(), dropout=0.2)
    return backbone, join(keras, backbone, head)


# Plain, with residuals, with branches, with concatenations: wherever a single map goes up.
@pytest.mark.parametrize(
    ("name", "start", "size"),
    [
        ("vgg11", "block5_conv1", 32),
        ("resnet18", "layer4_0_conv2", 32),
        ("googlenet", "maxpool4", 32),
        ("mobilenet_v2", "block_13_expand", 32),
        ("densenet121", "conv5_block2_1_conv", 32),
        ("enet", "10", 32),
        ("enet", "stage2_0_main_bn", 32),
    ],
)
def test_trunk_and_tail_together_are_the_model(keras: Any, name: str, start: str, size: int) -> None:
    backbone, model = classifier(keras, name, size)
    unfreeze_from(keras, backbone, start, norm="kept")
    cut = cut_frozen(keras, backbone, model)
    assert cut is not None
    pixels = np.random.default_rng(0).uniform(0, 255, (2, size, size, 3)).astype(np.float32)
    maps = cut.trunk.predict(pixels, verbose=0)
    assert maps[0].nbytes == cut.map_bytes
    assert np.allclose(cut.tail.predict(maps, verbose=0), model.predict(pixels, verbose=0), atol=1e-6)
    assert not cut.trunk.trainable_weights
    trained = {weight.path for weight in model.trainable_weights}
    assert {weight.path for weight in cut.tail.trainable_weights} == trained


def test_the_tail_of_a_network_in_float16_has_its_loss_scaled(
    keras: Any, run_training: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mixed precision as on a GPU: small gradients would vanish without."""
    seen: list[str] = []

    def watch(keras: Any, model: Any, *arguments: Any, **options: Any) -> Any:
        result = fit(keras, model, *arguments, **options)
        seen.append(type(model.optimizer).__name__)
        return result

    monkeypatch.setattr(backend, "_has_gpu", lambda keras: True)
    monkeypatch.setattr(stages, "fit", watch)
    run_training(regime="finetune", unfreeze="second_conv", augment=0, epochs=1, precision="mixed")
    assert seen == ["LossScaleOptimizer"]


def test_a_whole_network_has_no_trunk_and_a_frozen_one_is_all_trunk(keras: Any) -> None:
    backbone, model = classifier(keras, "vgg11", 32)
    assert cut_frozen(keras, backbone, model) is None
    freeze_backbone(backbone)
    assert cut_frozen(keras, backbone, model) is None  # the head's stage has features of its own


def test_photos_that_are_not_augmented_pass_the_frozen_layers_once(
    run_training: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = []

    def counted(model: Any, values: Any, tick: Any = None) -> Any:
        passed.append((model.output.shape[1:], len(values)))
        return predict_all(model, values, tick)

    monkeypatch.setattr(stages, "predict_all", counted)
    options = {"regime": "finetune", "unfreeze": "second_conv", "epochs": 3, "keep": "last"}
    cut = run_training(**options)
    assert len(passed) == 2  # training and validation photos, whatever the number of epochs
    assert sum(count for _, count in passed) == sum(cut.record.photos[s] for s in ("train", "validation"))
    passed.clear()
    run_training(**options, augment=1)
    assert not passed
    monkeypatch.setattr(stages, "cut_frozen", lambda *_: None)
    whole = run_training(**options)
    assert cut.record.history["loss"] == pytest.approx(whole.record.history["loss"], rel=1e-3)


def test_maps_that_memory_cannot_hold_are_not_kept(
    run_training: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "MOST_MAPS", 0)
    monkeypatch.setattr(stages, "predict_all", None)
    done = run_training(regime="finetune", unfreeze="second_conv", epochs=1)
    assert done.record.status == "complete"
