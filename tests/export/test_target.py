"""The target: which int8 ONNX is made, for whose arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from edgecls.devices.detect import detect_machine
from edgecls.devices.profile import find_profile
from edgecls.errors import UsageError
from edgecls.export.candidates import int8_precisions
from edgecls.export.export import ExportResult
from edgecls.export.options import ExportOptions

pytestmark = pytest.mark.xdist_group("export")

Export = Callable[..., ExportResult]


@pytest.mark.parametrize(
    ("int8_dot", "target", "precisions"),
    [
        ("vnni", "", ("int8",)),
        ("saturating", "", ("int8", "int8-avx2")),
        ("vnni", "x86-avx2", ("int8-avx2",)),
        ("saturating", "x86-avx2", ("int8-avx2",)),
        ("saturating", "raspberry-pi-4", ("int8",)),
        ("vnni", "jetson-orin-nano", ("int8",)),
    ],
)
def test_onnx_is_made_for_the_targets_arithmetic(
    int8_dot: str, target: str, precisions: tuple[str, ...]
) -> None:
    machine = replace(detect_machine(), int8_dot=int8_dot)
    profile = find_profile(target) if target else None
    assert int8_precisions("onnx", machine, profile) == precisions
    assert int8_precisions("tflite", machine, profile) == ("int8",)


def test_weights_for_x86_without_vnni_have_7_bits_and_cannot_saturate(
    export_quickly: Export, options: ExportOptions
) -> None:
    onnx = pytest.importorskip("onnx", reason="needs the export extra")
    bundle = export_quickly(replace(options, target="x86-avx2")).bundle
    assert bundle.manifest.target == "x86-avx2"
    assert {v.key for v in bundle.manifest.variants} >= {"tflite int8", "onnx int8-avx2"}
    assert not (bundle.folder / "model.int8.onnx").exists()
    graph = onnx.load(bundle.folder / "model.int8-avx2.onnx").graph
    stored = [t for t in graph.initializer if t.data_type == onnx.TensorProto.INT8 and len(t.dims) > 1]
    largest = max(int(abs(onnx.numpy_helper.to_array(t).astype(int)).max()) for t in stored)
    assert largest == 64
    assert 2 * 255 * largest <= 2**15 - 1


def test_a_target_that_is_no_device_names_those_there_are(
    export_quickly: Export, options: ExportOptions
) -> None:
    with pytest.raises(UsageError, match=r"expected a device of .*raspberry-pi-5.*found 'pi9'"):
        export_quickly(replace(options, target="pi9"))
