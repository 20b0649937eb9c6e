"""An export that lacks a package says which before it does anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgecls.errors import MissingDependencyError
from edgecls.export.export import ExportResult
from edgecls.export.options import ExportOptions, require_packages

pytestmark = pytest.mark.xdist_group("export")

Export = Callable[..., ExportResult]


@pytest.mark.parametrize(
    ("changes", "missing", "named"),
    [
        ({}, {"tf2onnx", "litert_quantizer"}, "tf2onnx, litert_quantizer"),
        ({"formats": ("tflite",)}, {"tf2onnx", "litert_quantizer"}, "litert_quantizer"),
        ({"formats": ("onnx",)}, {"onnx", "litert_quantizer"}, "onnx"),
        ({"int8": False}, {"keras", "litert_quantizer"}, "keras"),
        ({"int8": False, "formats": ("tflite",)}, {"onnx", "litert_quantizer"}, None),
    ],
)
def test_packages_that_are_absent_are_named_before_any_work(
    changes: dict[str, Any], missing: set[str], named: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgecls.export.options.find_spec", lambda name: None if name in missing else name)
    asked = replace(ExportOptions(), **changes)
    if named is None:
        require_packages(asked)
        return
    with pytest.raises(MissingDependencyError, match=rf"export needs {named}, found none .*pip install"):
        require_packages(asked)


def test_an_export_asks_for_its_packages_before_it_writes(
    export_quickly: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgecls.export.options.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match="export needs keras, tensorflow, tf2onnx"):
        export_quickly()
    assert not (tmp_path / "bundles").exists()
