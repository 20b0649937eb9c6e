"""Dead channels: int8 gives their bias, as float does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.calibration.ranges import find_ranges
from edgecls.calibration.selection import choose_calibration
from edgecls.export.activations import float_means
from edgecls.export.activations_tflite import TfliteActivations
from edgecls.export.bias_tflite import TfliteLayers
from edgecls.export.export import ExportResult
from edgecls.export.int8_tflite import quantize_tflite
from edgecls.export.tflite_graph import pack_model, read_model

pytestmark = pytest.mark.xdist_group("export")

CHANNEL, BIAS = 1, 0.75


def spoil(source: Path, target: Path, weights: float) -> None:
    """Multiply the weights of one channel of the second convolution, and give it a bias."""
    model = read_model(source)
    graph = model.subgraphs[0]
    op = [
        op for op in graph.operators if len(op.inputs) == 3 and len(graph.tensors[op.inputs[1]].shape) == 4
    ][1]
    for index in (1, 2):
        tensor = graph.tensors[op.inputs[index]]
        buffer = model.buffers[tensor.buffer]
        values = np.frombuffer(bytes(buffer.data), np.float32).reshape(tensor.shape).copy()
        values[CHANNEL] = values[CHANNEL] * weights if index == 1 else BIAS
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    target.write_bytes(pack_model(model))


@pytest.mark.parametrize("weights", [0.0, 1e-8, 1e-20])
def test_a_dead_channel_keeps_its_bias(
    trained: Any, exported: ExportResult, tmp_path: Path, weights: float
) -> None:
    source, target = tmp_path / "float.tflite", tmp_path / "int8.tflite"
    spoil(exported.bundle.folder / "model.float32.tflite", source, weights)
    dataset, preprocess = trained.dataset, trained.record.preprocess
    photos = choose_calibration(dataset.train, preprocess, dataset.labels.names, count=20).loaded.pixels
    model = TfliteActivations(source, threads=1)
    quantize_tflite(source, target, find_ranges(model.walk, photos).by_name, photos[:1], threads=1)
    layers = TfliteLayers(target, threads=1)
    found = layers.observe(1, photos).mean
    expected = float_means(model, layers.outputs, photos)[layers.outputs[1]]
    assert expected[CHANNEL] == pytest.approx(BIAS, abs=1e-3)
    np.testing.assert_allclose(found, expected, atol=0.1)
    assert found[CHANNEL] == pytest.approx(BIAS, abs=0.02)
