"""Inspection: whether int8 is really int8, how pixels go in, and what XNNPACK takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgecls.bundle import Bundle
from edgecls.errors import ModelError
from edgecls.runtime.inspection import (
    describe_arithmetic,
    describe_delegation,
    input_formula,
    inspect_bundle,
    inspect_file,
)
from edgecls.runtime.operators import Operator, count
from edgecls.tensors import TensorSpec


def test_an_int8_tflite_file_is_int8_in_every_operator(tiny: Path) -> None:
    found = inspect_file(tiny / "tiny.int8.tflite")
    assert found.arithmetic == "int8 in all 6 operators"
    assert found.input.dtype == "int8"
    assert found.operators is not None
    assert found.operators.counts["CONV_2D"] == 1
    assert found.operators.partitions == 1
    assert found.card.labels == ("red", "green", "blue")


def test_a_float_tflite_file_is_float(tiny: Path) -> None:
    found = inspect_file(tiny / "tiny.float32.tflite")
    assert found.arithmetic == "float in all 6 operators"
    assert found.input_formula == "float32 = pixel"
    assert found.operators is not None
    assert describe_delegation(found.operators) == "1 partition, nothing falls back"


def test_an_onnx_file_shows_what_its_engine_reveals(tiny: Path) -> None:
    pytest.importorskip("onnxruntime")
    found = inspect_file(tiny / "tiny.float32.onnx")
    assert found.input.shape == (1, 16, 16, 3)
    assert found.operators is None
    assert "not told" in found.arithmetic


def test_every_variant_of_a_bundle_is_shown(make_bundle: Callable[..., Bundle]) -> None:
    seen, skipped = inspect_bundle(make_bundle())
    assert [one.card.precision for one in seen] == ["float32", "int8"]
    assert skipped == ()


def test_a_file_without_a_card_or_a_changed_one_is_an_error(tiny: Path, tmp_path: Path) -> None:
    whole = (tiny / "tiny.int8.tflite").read_bytes()
    (tmp_path / "no.tflite").write_bytes(whole[: whole.index(b"PK\x03\x04")])
    with pytest.raises(ModelError, match="labels and Preprocess inside"):
        inspect_file(tmp_path / "no.tflite")
    (tmp_path / "bad.tflite").write_bytes(b"\0" * 3000 + whole[whole.index(b"PK\x03\x04") :])
    with pytest.raises(ModelError, match="not a TFLite model"):
        inspect_file(tmp_path / "bad.tflite")


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point", "formula"),
    [
        ("float32", 0.0, 0, "float32 = pixel"),
        ("uint8", 0.0, 0, "uint8 = pixel"),
        ("uint8", 1.0, 0, "uint8 = pixel"),
        ("int8", 1.0, -128, "int8 = pixel - 128"),
        ("uint8", 0.0078125, 127, "uint8 = pixel, stands for 0.0078125 * (pixel - 127)"),
        ("int8", 0.0078125, -1, "int8 = pixel - 128, stands for 0.0078125 * (pixel - 127)"),
        ("uint8", 0.5, -3, "uint8 = pixel, stands for 0.5 * (pixel + 3)"),
        ("uint8", 0.5, 0, "uint8 = pixel, stands for 0.5 * pixel"),
    ],
)
def test_the_input_formula_is_exact(dtype: str, scale: float, zero_point: int, formula: str) -> None:
    assert input_formula(TensorSpec("x", (1, 2, 2, 3), dtype, scale, zero_point)) == formula


def test_operators_outside_the_delegates_parts_have_fallen_back() -> None:
    graph = [
        Operator("QUANTIZE", (0,), (1,), True),
        Operator("CONV_2D", (1, 20), (2,), True),
        Operator("PRELU", (2,), (3,), False),
        Operator("CONV_2D", (3, 21), (4,), True),
        Operator("SOFTMAX", (4,), (5,), True),
    ]
    parts = [Operator("DELEGATE", (0, 20), (2,), True), Operator("DELEGATE", (3, 21), (5,), True)]
    found = count(graph, parts)
    assert (found.partitions, found.fallen_back, found.total) == (2, {"PRELU": 1}, 5)
    assert describe_delegation(found) == "2 partitions, fallen back to plain kernels: 1 PRELU"
    assert describe_arithmetic(found) == "int8 in 3 of 4 operators; not in int8: PRELU"
