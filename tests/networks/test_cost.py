"""What a model costs, counted by hand for models small enough to do so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from edgecls.networks.cost import NOTES, Cost, cost_of, shapes_only

pytestmark = pytest.mark.xdist_group("networks")

Build = Callable[[Any], Any]


class _Layers:
    """keras.layers, imported when a layer is called on something and not when tests are collected."""

    def __getattr__(self, name: str) -> Any:
        def layer(*arguments: Any, **options: Any) -> Build:
            return lambda x: getattr(import_keras().layers, name)(*arguments, **options)(x)

        return layer


layers = _Layers()


def import_keras() -> Any:
    return pytest.importorskip("keras", reason="needs Keras, of the train extra")


def of(build: Build, *shape: int) -> Cost:
    """The cost of a model that takes one input of that shape."""
    keras = import_keras()
    image = keras.Input(shape)
    return cost_of(keras.Model(image, build(image)))


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (layers.Conv2D(8, 3, padding="same"), 10 * 10 * 8 * 3 * 3 * 4),
        (layers.Conv2D(8, 3), 8 * 8 * 8 * 3 * 3 * 4),
        (layers.Conv2D(8, (1, 5), strides=2, padding="same"), 5 * 5 * 8 * 5 * 4),
        (layers.Conv2D(8, 3, dilation_rate=4, padding="same"), 10 * 10 * 8 * 3 * 3 * 4),
        (layers.Conv2D(8, 3, groups=2, padding="same"), 10 * 10 * 8 * 3 * 3 * 2),
        (layers.DepthwiseConv2D(3, padding="same"), 10 * 10 * 4 * 3 * 3),
        (layers.DepthwiseConv2D(3, depth_multiplier=2, strides=2, padding="same"), 5 * 5 * 8 * 3 * 3),
        (layers.SeparableConv2D(8, 3, padding="same"), 10 * 10 * (4 * 3 * 3 + 4 * 8)),
        (layers.SeparableConv2D(8, 3, depth_multiplier=2), 8 * 8 * (8 * 3 * 3 + 8 * 8)),
        (layers.MaxPooling2D(2), 0),
    ],
)
def test_multiply_adds_are_output_numbers_times_what_each_takes(layer: Build, expected: int) -> None:
    assert of(layer, 10, 10, 4).multiply_adds == expected


def test_a_dense_layer_multiplies_every_input_with_every_unit() -> None:
    cost = of(layers.Dense(5, name="dense"), 7)
    assert [(layer.name, layer.shape) for layer in cost.layers] == [("dense", (5,))]
    assert (cost.multiply_adds, cost.parameters) == (35, 40)


def test_the_statistics_of_batch_normalisation_are_parameters() -> None:
    assert of(layers.BatchNormalization(), 4, 4, 3).parameters == 12


def test_a_chain_holds_what_one_layer_reads_and_writes() -> None:
    def chain(x: Any) -> Any:
        x = layers.Conv2D(2, 1)(x)  # 100 -> 200
        return layers.Conv2D(7, 1, strides=2)(layers.Conv2D(5, 1)(x))  # 200 -> 500 -> 175

    assert of(chain, 10, 10, 1).peak_numbers == 200 + 500


def test_a_shortcut_is_held_until_it_is_added() -> None:
    def block(x: Any) -> Any:
        y = layers.Conv2D(4, 1)(layers.Conv2D(4, 1)(x))
        return layers.Add()([x, y])

    assert of(block, 10, 10, 4).peak_numbers == 3 * 400


def test_activations_write_over_their_input_where_nobody_else_reads_it() -> None:
    def alone(x: Any) -> Any:
        return layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(6, 1)(x)))

    def shared(x: Any) -> Any:
        y = layers.Conv2D(6, 1)(x)
        return layers.Concatenate()([y, layers.ReLU()(y)])

    assert of(alone, 10, 10, 4).peak_numbers == 400 + 600
    assert of(shared, 10, 10, 4).peak_numbers == 600 + 600 + 1200


def test_an_operation_that_is_no_layer_takes_room_too() -> None:
    ops = import_keras().ops
    assert of(lambda x: ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), 8, 8, 1).peak_numbers == 64 + 100


def notes(build: Build) -> dict[str, int]:
    """The notes that are not zero."""
    found = of(build, 8, 8, 4).notes
    assert tuple(found) == NOTES
    return {note: count for note, count in found.items() if count}


def excite(x: Any) -> Any:
    y = layers.GlobalAveragePooling2D(keepdims=True)(x)
    return layers.Multiply()([x, layers.Conv2D(4, 1, activation="sigmoid")(y)])


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (layers.PReLU(), {"PReLU": 1}),
        (layers.Activation("swish"), {"swish": 1}),
        (layers.Conv2D(4, 1, activation="silu"), {"swish": 1}),
        (layers.Activation("hard_swish"), {"hard-swish": 1}),
        (excite, {"squeeze-and-excite": 1}),
        (lambda x: layers.Multiply()([x, layers.ReLU()(x)]), {}),
        (layers.DepthwiseConv2D(3), {"depthwise": 1}),
        (layers.BatchNormalization(), {"unfused batch norm": 1}),
        (lambda x: layers.BatchNormalization()(layers.Conv2D(4, 1)(x)), {}),
        (
            lambda x: layers.BatchNormalization()(layers.Conv2D(4, 1, activation="relu")(x)),
            {"unfused batch norm": 1},
        ),
        (lambda x: layers.ReLU()(layers.Conv2D(4, 1)(x)), {}),
    ],
)
def test_notes_name_what_int8_does_badly(build: Build, expected: dict[str, int]) -> None:
    assert notes(build) == expected


def test_a_convolution_that_somebody_else_reads_is_not_fused() -> None:
    def block(x: Any) -> Any:
        y = layers.Conv2D(4, 1)(x)
        return layers.Add()([y, layers.BatchNormalization()(y)])

    assert notes(block) == {"unfused batch norm": 1}


def test_a_head_adds_to_its_backbone() -> None:
    backbone, head = of(layers.DepthwiseConv2D(3), 8, 8, 4), of(layers.Dense(5), 4)
    both = backbone.then(head)
    assert both.parameters == backbone.parameters + head.parameters
    assert both.multiply_adds == backbone.multiply_adds + head.multiply_adds
    assert both.peak_numbers == backbone.peak_numbers
    assert both.notes["depthwise"] == 1


def test_shapes_alone_cost_no_memory() -> None:
    keras = import_keras()
    with shapes_only(keras):
        layer = keras.layers.Dense(10)
        layer.build((None, 10))
        assert tuple(layer.kernel.shape) == (10, 10)
        assert layer.kernel._value is None
