"""Bias correction: the layers of an int8 model have the mean outputs of the float model."""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.calibration.ranges import find_ranges
from edgecls.calibration.selection import choose_calibration
from edgecls.errors import ModelError
from edgecls.export import bias_onnx, bias_tflite
from edgecls.export.activations import FloatModel, Means, channel_means, float_means
from edgecls.export.activations_onnx import OnnxActivations
from edgecls.export.activations_tflite import TfliteActivations
from edgecls.export.bias_correction import (
    PHOTOS,
    Int8Layers,
    Observed,
    correct_biases,
    observe,
    shifted,
)
from edgecls.export.export import ExportResult
from edgecls.export.int8_onnx import quantize_onnx
from edgecls.export.int8_tflite import quantize_tflite
from edgecls.export.tflite_graph import pack_model, read_model
from edgecls.preprocess import Pixels

PICTURE = np.zeros((1, 4, 4, 3), np.uint8)


class Chain:
    """Layers that each double what the one before gives; the int8 model's first two biases are wrong."""

    outputs: tuple[str, ...] = ("first", "second", "third")

    def __init__(self, *, moving: float = 1.0) -> None:
        self.biases = [np.array([1.5]), np.array([0.75]), np.array([0.0])]
        self._moving = np.array([moving])

    def means(self) -> list[Means]:
        found, value = [], np.array([1.0])
        for bias in self.biases:
            value = 2 * value + bias
            found.append(value)
        return found

    def observe(self, layer: int, pixels: Pixels) -> Observed:
        return Observed(self.means()[layer], self._moving)

    def shift(self, layer: int, amount: Means) -> None:
        self.biases[layer] = self.biases[layer] + amount


REFERENCE = {"first": np.array([2.0]), "second": np.array([4.0]), "third": np.array([8.0])}


def test_a_layer_is_corrected_behind_layers_that_are_right_already() -> None:
    chain = Chain()
    correct_biases(chain, REFERENCE, PICTURE)
    assert [float(mean[0]) for mean in chain.means()] == [2.0, 4.0, 8.0]
    assert [float(bias[0]) for bias in chain.biases] == [0.0, 0.0, 0.0]


def test_a_bias_that_moves_half_of_the_outputs_is_shifted_twice_as_far() -> None:
    chain = Chain(moving=0.5)
    correct_biases(chain, REFERENCE, PICTURE)
    assert float(chain.biases[0][0]) == 1.5 - 2 * 1.5


def test_a_channel_that_hardly_moves_is_not_shifted_without_bound() -> None:
    chain = Chain(moving=0.0)
    correct_biases(chain, REFERENCE, PICTURE)
    assert float(chain.biases[0][0]) == 1.5 - 10 * 1.5


def test_means_that_are_no_numbers_are_one_sentence() -> None:
    with pytest.raises(ModelError, match="layer 'second': expected finite means, found others; train again"):
        correct_biases(Chain(), REFERENCE | {"second": np.array([np.nan])}, PICTURE)


def test_outputs_are_averaged_in_real_numbers_channel_by_channel() -> None:
    photos = [np.array([[-128, 10], [2, 127]], np.int8), np.array([[0, 0], [0, 0]], np.int8)]
    seen = observe(photos, scale=0.5, zero_point=-28)
    np.testing.assert_allclose(seen.mean, [0.5 * (-31.5 + 28), 0.5 * (34.25 + 28)])
    np.testing.assert_allclose(seen.moving, [0.75, 0.75])


def test_a_bias_moves_in_steps_of_its_own_scale() -> None:
    bias, scale = np.array([10, 10, 10], np.int32), np.array([0.5, 0.25, 0.0], np.float32)
    moved = shifted(bias, scale, np.array([1.0, -0.3, 5.0]))
    assert moved.dtype == np.int32
    assert moved.tolist() == [12, 9, 10], "a channel whose weights are all zero keeps its bias"


def test_a_bias_stays_within_int32() -> None:
    top = np.iinfo(np.int32).max
    assert shifted(np.array([top], np.int32), np.array([1e-9], np.float32), np.array([1.0])).tolist() == [top]


@pytest.fixture(scope="module")
def photos(trained: Any) -> Pixels:
    """The photos that the export of `exported` corrected biases with."""
    dataset, preprocess = trained.dataset, trained.record.preprocess
    chosen = choose_calibration(dataset.train, preprocess, dataset.labels.names, count=20)
    return chosen.loaded.pixels[:PHOTOS]


def difference(layers: Int8Layers, reference: dict[str, Means], photos: Pixels) -> float:
    """By how much the convolutions' mean outputs miss the float model's, on average over their channels.

    The head, the last layer, has one output for each photo, and 20 rounded numbers have a coarse mean.
    """
    assert len(layers.outputs) == 3, "two convolutions and the head"
    missed = [np.abs(layers.observe(i, photos).mean - reference[layers.outputs[i]]) for i in (0, 1)]
    return float(np.concatenate(missed).mean())


def test_a_corrected_tflite_has_the_mean_outputs_of_its_float_model(
    trained: Any, exported: ExportResult, photos: Pixels, tmp_path: Path
) -> None:
    source, plain = trained.floats / "float32.tflite", tmp_path / "plain.tflite"
    model = TfliteActivations(source, threads=1)
    quantize_tflite(source, plain, find_ranges(model.walk, photos).by_name, photos[:1], threads=1)
    uncorrected = bias_tflite.TfliteLayers(plain, threads=1)
    corrected = bias_tflite.TfliteLayers(exported.bundle.folder / "model.int8.tflite", threads=1)
    means = float_means(model, corrected.outputs, photos)
    assert difference(corrected, means, photos) < 0.25 * difference(uncorrected, means, photos)


def test_a_corrected_onnx_has_the_mean_outputs_of_its_float_model(
    exported: ExportResult, photos: Pixels, tmp_path: Path
) -> None:
    onnx = pytest.importorskip("onnx", reason="needs the export extra")
    source, plain = exported.bundle.folder / "model.float32.onnx", tmp_path / "plain.onnx"
    model = OnnxActivations(source, threads=1)
    quantize_onnx(source, plain, find_ranges(model.walk, photos).by_name, photos[:1], reduce_range=False)

    def layers(path: Path) -> bias_onnx.OnnxLayers:
        return bias_onnx.OnnxLayers(onnx.load(path), arithmetic="native", threads=1)

    uncorrected, corrected = layers(plain), layers(exported.bundle.folder / "model.int8.onnx")
    means = float_means(model, corrected.outputs, photos)
    assert difference(corrected, means, photos) < 0.25 * difference(uncorrected, means, photos)


def test_both_formats_show_the_same_activations(trained: Any, exported: ExportResult, photos: Pixels) -> None:
    """Channels last and as many of them: the means of what the convolutions give are those of the other format."""

    def means(model: FloatModel) -> list[list[float]]:
        found = float_means(model, model.names, photos)
        return [mean.tolist() for mean in found.values()]

    tflite = means(TfliteActivations(trained.floats / "float32.tflite", threads=1))
    onnx = means(OnnxActivations(exported.bundle.folder / "model.float32.onnx", threads=1))
    shared = [a for a in tflite if any(len(a) == len(b) and np.allclose(a, b, rtol=1e-3) for b in onnx)]
    assert len(shared) >= 5, "the photo, two convolutions, the mean over positions and the probabilities"


def test_channel_means_are_over_all_other_axes() -> None:
    assert channel_means(np.arange(12.0).reshape(2, 3, 2)).tolist() == [5.0, 6.0]


def test_layers_that_share_a_bias_get_one_each(
    exported: ExportResult, photos: Pixels, tmp_path: Path
) -> None:
    path, shared = exported.bundle.folder / "model.int8.tflite", tmp_path / "model.int8.tflite"
    model = read_model(path)
    graph = model.subgraphs[0]
    at, first = next((i, op) for i, op in enumerate(graph.operators) if len(op.inputs) == 3)
    twin, output = copy(first), copy(graph.tensors[first.outputs[0]])
    graph.tensors.append(output)
    twin.outputs = [len(graph.tensors) - 1]
    graph.operators.insert(at + 1, twin)
    shared.write_bytes(pack_model(model))

    layers = bias_tflite.TfliteLayers(shared, threads=1)
    before = [layers.observe(layer, photos).mean for layer in (0, 1)]
    layers.shift(0, np.full(len(before[0]), 1.0))
    after = [layers.observe(layer, photos).mean for layer in (0, 1)]
    assert (after[0] > before[0]).all()
    np.testing.assert_array_equal(after[1], before[1])
