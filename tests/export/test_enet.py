"""ENet through the whole export: one delegate partition, no spoilt dilation, at most one Transpose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.bundle import Bundle
from edgecls.data import load_pixels
from edgecls.devices.detect import detect_machine
from edgecls.export.export import export_run
from edgecls.export.options import ExportOptions
from edgecls.manifest import Limits
from edgecls.runs import MODEL, RunRecord, recall_data
from edgecls.runtime.engine import open_engine
from edgecls.runtime.inspection import inspect_variant
from edgecls.runtime.verify import verify_bundle

pytestmark = pytest.mark.xdist_group("enet")


@pytest.fixture(scope="session")
def enet(
    tmp_path_factory: pytest.TempPathFactory,
    plant: Callable[..., Path],
    make_run: Callable[..., tuple[Path, RunRecord]],
    no_progress: Any,
) -> tuple[Path, RunRecord, Bundle]:
    """ENet of random weights with a trained head, 64x64, exported in both formats; the gate is open."""
    root = tmp_path_factory.mktemp("enet")
    data = plant(root / "tints", {"blue": 15, "green": 15, "red": 15})
    run, record = make_run(root, data, network="enet", regime="head", size=64, epochs=2)
    options = ExportOptions(calibration_photos=15, evaluation_photos=3, limits=Limits(100.0, 100.0, 0.0))
    result = export_run(run, record, options, bundles=root / "bundles", progress=no_progress)
    return run, record, result.bundle


def operators(bundle: Bundle, precision: str) -> Any:
    found = inspect_variant(bundle, bundle.variant(format="tflite", precision=precision)).operators
    assert found is not None
    return found


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_one_partition_of_xnnpack_runs_the_whole_graph(
    enet: tuple[Path, RunRecord, Bundle], precision: str
) -> None:
    found = operators(enet[2], precision)
    # uint8 pixels become int8, a flip of one bit, before the partition: XNNPACK does not convert between the two.
    outside = {"QUANTIZE": 1} if precision == "int8" else {}
    assert (found.partitions, dict(found.fallen_back)) == (1, outside)


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_dilated_convolutions_stay_convolutions_and_there_is_no_prelu(
    enet: tuple[Path, RunRecord, Bundle], precision: str
) -> None:
    counts = operators(enet[2], precision).counts
    assert not {"SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND", "PRELU"} & set(counts)
    # initial 1; 3 in each of 2 downsamplings, 4 stage-1 and 12 other bottlenecks; 4 in each of 4 asymmetric ones
    assert counts["CONV_2D"] == 1 + 3 * (2 + 4 + 12) + 4 * 4


def test_int8_computes_everything_but_logits_and_probabilities_in_int8(
    enet: tuple[Path, RunRecord, Bundle],
) -> None:
    assert operators(enet[2], "int8").in_float == {"FULLY_CONNECTED": 1, "SOFTMAX": 1}


def test_onnx_has_at_most_one_transpose_in_every_precision(enet: tuple[Path, RunRecord, Bundle]) -> None:
    onnx = pytest.importorskip("onnx", reason="needs the export extra")
    files = sorted(enet[2].folder.glob("*.onnx"))
    assert len(files) >= 2
    for path in files:
        counts = Counter(node.op_type for node in onnx.load(path).graph.node)
        assert counts["Transpose"] <= 1, path.name
        assert counts["PRelu"] == counts["BatchNormalization"] == 0, path.name


def test_both_float_files_compute_what_keras_computes(enet: tuple[Path, RunRecord, Bundle]) -> None:
    import keras

    run, record, bundle = enet
    pixels = load_pixels(recall_data(run, record).test, record.preprocess).pixels
    model = keras.models.load_model(run / MODEL, compile=False)
    expected = np.asarray(model.predict(pixels.astype(np.float32), verbose=0))
    for format in ("tflite", "onnx"):
        answers = open_engine(bundle.folder / f"model.float32.{format}").run(pixels)
        assert np.abs(answers - expected).max() < 1e-3, format


def test_the_bundle_is_sound_and_calibrated_on_training_photos(enet: tuple[Path, RunRecord, Bundle]) -> None:
    bundle = enet[2]
    assert verify_bundle(bundle, detect_machine()).passed
    assert bundle.manifest.calibration is not None
    assert (bundle.manifest.calibration.photos, bundle.manifest.calibration.split) == (15, "train")
