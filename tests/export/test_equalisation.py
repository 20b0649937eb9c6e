"""Equalisation: channels of one range, and a network that computes what it did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgecls.export.channels import read_channels
from edgecls.export.equalisation import MOST, Seen, choose_factors, equalise
from edgecls.export.native import to_native

pytestmark = pytest.mark.xdist_group("export")

PHOTOS = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), np.uint8)
SPREAD = np.geomspace(1, 40, 8)

Middle = Callable[[Any, Any], Any]


@pytest.fixture
def keras() -> Any:
    return pytest.importorskip("keras", reason="needs the train extra")


def network(keras: Any, middle: Middle, *, filters: int = 8) -> Any:
    """A convolution with channels of very different range, what `middle` makes of them, and a head."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    image = keras.Input((16, 16, 3), name="image")
    x = layers.Rescaling(1 / 127.5, -1.0)(image)
    x = layers.Conv2D(filters, 3, padding="same", name="wide")(x)
    x = middle(layers, x)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, layers.Dense(4, activation="softmax", name="probabilities")(x))
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            draw = np.random.default_rng(1).uniform(0.5, 2.0, (4, layer.input.shape[-1]))
            layer.set_weights(list(draw[: len(layer.weights)]))
    kernel, bias = model.get_layer("wide").get_weights()
    model.get_layer("wide").set_weights([kernel * SPREAD[:filters], bias])
    return model


def plain(layers: Any, x: Any) -> Any:
    return layers.Conv2D(4, 3, name="reader")(layers.ReLU(name="seen")(x))


def dense_block(layers: Any, x: Any) -> Any:
    """As in DenseNet: a normalisation that reads a concatenation, which later ones read too."""
    x = layers.MaxPooling2D(2)(x)
    y = layers.Conv2D(4, 1)(layers.ReLU()(layers.BatchNormalization(name="lone")(x)))
    joined = layers.Concatenate(name="seen")([x, y])
    return layers.Activation("relu")(layers.BatchNormalization(scale=False)(joined))


def residual(layers: Any, x: Any) -> Any:
    y = layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same", use_bias=False)(layers.ReLU()(x)))
    y = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=1)(y)
    return layers.Conv2D(4, 1)(layers.ReLU(name="seen")(layers.Add()([x, y])))


def flattened(layers: Any, x: Any) -> Any:
    pooled = layers.MaxPooling2D(4, name="seen")(layers.LeakyReLU()(layers.ZeroPadding2D(2)(x)))
    return layers.Reshape((1, 1, 8))(layers.Dense(8)(layers.Flatten()(pooled)))


def ranges(keras: Any, model: Any) -> Any:
    """Largest magnitude of each channel of the layer "seen"."""
    found = keras.Model(model.inputs, model.get_layer("seen").output).predict(
        PHOTOS.astype(np.float32), verbose=0
    )
    return np.abs(found).max(axis=(0, 1, 2))


def answers(model: Any) -> Any:
    return model.predict(PHOTOS.astype(np.float32), verbose=0)


@pytest.mark.parametrize("middle", [plain, dense_block, residual, flattened])
def test_channels_come_to_like_ranges_and_the_answers_stay(keras: Any, middle: Middle) -> None:
    model = network(keras, middle)
    before, expected = ranges(keras, model), answers(model)
    equalise(keras, model, PHOTOS)
    after = ranges(keras, model)
    np.testing.assert_allclose(answers(model), expected, atol=1e-5)
    assert after.max() / after.min() < 0.5 * before.max() / before.min()


def clipped(layers: Any, x: Any) -> Any:
    return layers.Conv2D(4, 3, name="reader")(layers.ReLU(max_value=6.0)(x))


def swish(layers: Any, x: Any) -> Any:
    return layers.Conv2D(4, 3, name="reader")(layers.Activation("silu")(x))


def gated(layers: Any, x: Any) -> Any:
    return layers.Conv2D(4, 3, name="reader")(layers.Multiply()([x, layers.Activation("sigmoid")(x)]))


def padded(layers: Any, x: Any) -> Any:
    import keras

    more = keras.ops.pad(x, [[0, 0], [0, 0], [0, 0], [0, 2]])  # no layer, an operation
    return layers.Conv2D(4, 3)(layers.Add()([more, layers.Conv2D(10, 3, padding="same")(x)]))


@pytest.mark.parametrize("middle", [clipped, swish, gated, padded])
def test_no_factor_goes_through_what_would_change_it(keras: Any, middle: Middle) -> None:
    model = network(keras, middle)
    before, expected = model.get_layer("wide").get_weights()[0].copy(), answers(model)
    equalise(keras, model, PHOTOS)
    np.testing.assert_array_equal(model.get_layer("wide").get_weights()[0], before)
    np.testing.assert_allclose(answers(model), expected, atol=1e-5)


def test_a_dead_channel_stays_and_a_nearly_dead_one_is_widened_only_so_far(keras: Any) -> None:
    model = network(keras, dense_block)
    kernel, bias = model.get_layer("wide").get_weights()
    kernel[..., 0], kernel[..., 1] = 0.0, kernel[..., 1] * 1e-6
    model.get_layer("wide").set_weights([kernel, bias])
    equalise(keras, model, PHOTOS)
    changed = model.get_layer("wide").get_weights()[0]
    assert not changed[..., 0].any()
    np.testing.assert_allclose(changed[..., 1], kernel[..., 1] * MOST, rtol=1e-6)


def test_where_weights_would_lose_more_than_activations_gain_channels_stay(keras: Any) -> None:
    model = network(keras, plain)
    reader = model.get_layer("reader")
    kernel, bias = reader.get_weights()
    channels = read_channels(model)
    # Channel 0 reaches furthest, and is zero nearly everywhere: weights that favour it lose the others.
    largest, square = np.ones(8), np.ones(8)
    largest[0], square[0] = 64.0, 1e-6
    seen = {
        id(tensor): Seen(np.ones(tensor.shape[-1]), np.ones(tensor.shape[-1])) for tensor in channels.stored
    }
    seen[id(reader.input)] = Seen(largest, square)
    even = choose_factors(channels, seen)[channels.of(reader.input)]
    kernel[:, :, 1:] *= 1e-3
    reader.set_weights([kernel, bias])
    uneven = choose_factors(channels, seen)[channels.of(reader.input)]
    assert even[1:].max() < 1.0
    np.testing.assert_array_equal(uneven, np.ones(8))


def test_a_normalisation_without_a_convolution_becomes_one(keras: Any) -> None:
    model = network(keras, dense_block)
    native = to_native(keras, model)
    kinds = [type(layer).__name__ for layer in native.layers]
    assert (kinds.count("BatchNormalization"), kinds.count("DepthwiseConv2D")) == (0, 2)
    np.testing.assert_allclose(answers(native), answers(model), atol=1e-6)


def test_a_scaling_that_differs_between_channels_becomes_a_convolution(keras: Any) -> None:
    image = keras.Input((16, 16, 3), name="image")
    scaled = keras.layers.Rescaling([0.1, 0.2, 0.3], [-1.0, -2.0, -3.0], name="scaling")(image)
    model = keras.Model(image, scaled)
    native = to_native(keras, model)
    assert type(native.get_layer("scaling")).__name__ == "DepthwiseConv2D"
    np.testing.assert_allclose(answers(native), answers(model), rtol=1e-6)


def test_a_normalisation_behind_a_convolution_is_left_to_the_converter(keras: Any) -> None:
    kinds = [type(layer).__name__ for layer in to_native(keras, network(keras, residual)).layers]
    assert kinds.count("BatchNormalization") == 1
