"""Raw input: an int8 model takes uint8 pixels, and its own scaling is the quantization of its input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgecls.errors import ModelError
from edgecls.export.export import ExportResult
from edgecls.export.raw_input import Entry, Step, find_entry
from edgecls.export.raw_onnx import feed_raw_onnx
from edgecls.export.raw_tflite import feed_raw_tflite
from edgecls.export.tflite_graph import read_model

pytestmark = pytest.mark.xdist_group("export")


def mul(source: str, output: str, constant: Any) -> Step:
    return Step("mul", (source, "c"), output, np.asarray(constant, np.float32))


def add(source: str, output: str, constant: Any) -> Step:
    return Step("add", (source, "c"), output, np.asarray(constant, np.float32))


CONV = Step("conv", ("scaled", "weights"), "features", np.ones(9, np.float32))


def test_a_factor_and_an_offset_are_followed_to_the_first_layer() -> None:
    steps = [mul("image", "multiplied", 1 / 128), add("multiplied", "scaled", [-127 / 128] * 3), CONV]
    entry = find_entry("image", steps)
    assert entry == Entry("scaled", 1 / 128, -127 / 128)
    assert (entry.low, entry.high) == (-127 / 128, 1.0)


def test_a_subtraction_lowers_the_offset() -> None:
    steps = [Step("sub", ("image", "c"), "scaled", np.float32(127)), CONV]
    assert find_entry("image", steps) == Entry("scaled", 1.0, -127.0)


@pytest.mark.parametrize(
    "first",
    [
        CONV,
        mul("image", "scaled", [1.0, 2.0, 3.0]),
        mul("image", "scaled", -1.0),
        Step("sub", ("c", "image"), "scaled", np.float32(255)),
        Step("mul and an activation", ("image", "c"), "scaled", np.float32(2)),
        Step("mul", ("image", "image"), "scaled"),
    ],
    ids=["no scaling", "by channel", "negated", "subtracted from 255", "with an activation", "squared"],
)
def test_what_is_no_scaling_by_one_factor_is_entered_at_the_input(first: Step) -> None:
    assert find_entry("image", [first, CONV]) == Entry("image")


def test_pixels_that_two_layers_read_are_not_scaled_for_one_of_them() -> None:
    steps = [mul("image", "scaled", 0.5), CONV, Step("conv", ("image", "weights"), "other")]
    assert find_entry("image", steps) == Entry("image")


@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_an_exported_int8_model_takes_uint8(exported: ExportResult, format: str) -> None:
    variant = exported.bundle.variant(format=format, precision="int8")
    assert (variant.input.dtype, variant.input.name) == ("uint8", "image")
    assert variant.output.dtype == "float32"


def test_the_scaling_of_a_tflite_costs_no_operator(exported: ExportResult) -> None:
    from edgecls.runtime.inspection import inspect_file

    float_file, int8_file = (
        inspect_file(exported.bundle.folder / f"model.{precision}.tflite")
        for precision in ("float32", "int8")
    )
    assert float_file.operators is not None
    assert int8_file.operators is not None
    assert float_file.operators.counts["MUL"] == 1
    assert not {"MUL", "CAST"} & set(int8_file.operators.counts)
    assert int8_file.input.scale == pytest.approx(1 / 127.5)


def test_the_scaling_of_an_onnx_costs_no_operator(exported: ExportResult) -> None:
    onnx = pytest.importorskip("onnx", reason="needs the export extra")
    kinds = [
        {node.op_type for node in onnx.load(exported.bundle.folder / f"model.{precision}.onnx").graph.node}
        for precision in ("float32", "int8")
    ]
    assert "Mul" in kinds[0]
    assert not {"Mul", "Cast"} & kinds[1]


def test_a_graph_without_the_entry_is_one_sentence(exported: ExportResult) -> None:
    onnx = pytest.importorskip("onnx", reason="needs the export extra")
    folder = exported.bundle.folder
    with pytest.raises(ModelError, match=r"TFLite: expected the scaled pixels 'nowhere'.*--no-int8"):
        feed_raw_tflite(read_model(folder / "model.int8.tflite"), Entry("nowhere"))
    with pytest.raises(ModelError, match=r"ONNX: expected the scaled pixels 'nowhere'.*--no-int8"):
        feed_raw_onnx(onnx.load(folder / "model.int8.onnx"), Entry("nowhere"))
