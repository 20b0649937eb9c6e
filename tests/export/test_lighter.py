"""Lighter files on request: smaller than float, measured and gated like int8, and only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgecls.devices.detect import detect_machine
from edgecls.export.candidates import Candidate
from edgecls.export.export import ExportResult
from edgecls.export.lighter import LIGHTER, make_lighter
from edgecls.export.options import ExportOptions
from edgecls.progress import Tick
from edgecls.runtime.verify import verify_bundle

pytestmark = pytest.mark.xdist_group("export")

Export = Callable[..., ExportResult]


def quiet(description: str) -> Tick:
    return lambda done, total: None


def test_lighter_files_are_in_the_bundle_when_asked_for_and_verify(
    export_quickly: Export, options: ExportOptions
) -> None:
    bundle = export_quickly(replace(options, also=LIGHTER)).bundle
    by_key = {variant.key: variant for variant in bundle.manifest.variants}
    for format in ("tflite", "onnx"):
        for precision in LIGHTER:
            made = by_key[f"{format} {precision}"]
            assert made.input.dtype == "float32"
            assert made.test.agreement.drop <= 0.1
    assert verify_bundle(bundle, detect_machine()).passed


def test_weights_of_16_bits_make_the_file_smaller(
    trained: Any, exported: ExportResult, tmp_path: Path
) -> None:
    source = tmp_path / "model.float32.tflite"
    source.write_bytes((trained.floats / "float32.tflite").read_bytes())
    (made,) = make_lighter([Candidate(source, "tflite", "float32")], ("float16",), announce=quiet)
    assert made.failure == ""
    assert made.path.stat().st_size < source.stat().st_size


def test_a_failure_is_a_sentence_and_not_an_end(tmp_path: Path) -> None:
    source = tmp_path / "model.float32.onnx"
    source.write_bytes(b"no model")
    (made,) = make_lighter([Candidate(source, "onnx", "float32")], ("dynamic",), announce=quiet)
    assert made.failure.startswith("model.float32.onnx could not be made dynamic (")


def test_nothing_lighter_is_made_unasked(exported: ExportResult) -> None:
    assert not {v.precision for v in exported.bundle.manifest.variants} & set(LIGHTER)
