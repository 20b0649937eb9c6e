"""The manifest: a bundle that was changed, moved or made by another version says so before anything runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.bundle import Bundle, find_bundle
from edgecls.errors import ModelError, UsageError
from edgecls.files import sha256_bytes
from edgecls.machine import Machine
from edgecls.manifest import (
    SCHEMA,
    Calibration,
    Confidence,
    EvaluationPhoto,
    Limits,
    Manifest,
    Measurement,
    Origin,
    Thresholds,
    Variant,
)
from edgecls.manifest_file import read_manifest, write_manifest
from edgecls.metrics import compare, wilson
from edgecls.preprocess import Preprocess
from edgecls.tensors import TensorSpec

MODEL = b"not really a model"
MACHINE = Machine("board", "cpu", "aarch64", 4, 4096, "Linux 6.1", "3.11.2", "neon")
TABLE = np.array([[0.8, 0.2]], np.float32)


def measurement() -> Measurement:
    agreement = compare(TABLE, TABLE, np.array([0], np.int64))
    return Measurement("validation", wilson(1, 1), agreement, "litert 2", "native")


def variant(format: str, precision: str) -> Variant:
    return Variant(
        file=f"model.{precision}.{format}",
        format=format,
        precision=precision,
        sha256=sha256_bytes(MODEL),
        size_bytes=len(MODEL),
        input=TensorSpec("image", (1, 8, 8, 3), "int8", 1.0, -128),
        output=TensorSpec("scores", (1, 2), "int8", 1 / 256, -128),
        gate=measurement(),
        test=measurement(),
    )


MANIFEST = Manifest(
    schema=SCHEMA,
    name="enet-fruit-001",
    created="2026-01-01T00:00:00.000000+00:00",
    inputs_digest="0" * 64,
    network="enet",
    labels=("apple", "pear"),
    preprocess=Preprocess(8, 8),
    confidence=Confidence(1.0, "9 validation photos, tflite int8", 0.05, 0.05),
    thresholds=Thresholds((0.25, 1.0), 0.9, "9 validation photos, tflite int8", wilson(8, 9), wilson(8, 8)),
    target="",
    limits=Limits(),
    variants=(variant("onnx", "int8"), variant("tflite", "float32"), variant("tflite", "int8")),
    rejected=(),
    rungs=(),
    calibration=Calibration(100, "train", "minmax", 0, "0" * 64, 3, ("no photo of pear",)),
    changed=(),
    evaluation=(EvaluationPhoto("evaluation/0.jpg", 1, "0" * 64),),
    golden_sha256="0" * 64,
    origin=Origin("enet-fruit-001", "0" * 64, "0" * 64, "data/fruit"),
    machine=MACHINE,
    versions={"edgecls": "0.1.0"},
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bundle whose model files hold MODEL."""
    place = tmp_path / "bundles" / "enet-fruit-001"
    place.mkdir(parents=True)
    write_manifest(place, MANIFEST)
    for item in MANIFEST.variants:
        (place / item.file).write_bytes(MODEL)
    return place


def change(folder: Path, alter: Callable[[dict[str, Any]], Any]) -> None:
    """Alter the record of a bundle's manifest as someone with an editor could."""
    record = json.loads((folder / "manifest.json").read_text())
    alter(record)
    (folder / "manifest.json").write_text(json.dumps(record))


def test_a_manifest_read_again_is_the_same(folder: Path) -> None:
    assert read_manifest(folder) == MANIFEST


def test_a_manifest_may_lack_a_calibration(tmp_path: Path) -> None:
    write_manifest(tmp_path, replace(MANIFEST, calibration=None))
    assert read_manifest(tmp_path).calibration is None


def test_a_manifest_may_have_thresholds_that_nothing_is_above(tmp_path: Path) -> None:
    thresholds = replace(MANIFEST.thresholds, values=(1.0, 1.0), answered=wilson(0, 9), right=None)
    write_manifest(tmp_path, replace(MANIFEST, thresholds=thresholds))
    assert read_manifest(tmp_path).thresholds == thresholds


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (
            lambda r: r.update(schema=SCHEMA + 1),
            rf"expected schema {SCHEMA}, found {SCHEMA + 1}; upgrade edgecls",
        ),
        (lambda r: r.update(schema=0), r"found 0; make it anew"),
        (lambda r: r.pop("schema"), r"schema number, found none"),
        (lambda r: r.update(colour="red"), r"unknown key colour"),
        (lambda r: r.pop("labels"), r"the key 'labels' is missing"),
        (lambda r: r.update(labels=["a", "a"]), r"found twice: a"),
        (lambda r: r.update(labels=["a", "b", "c"]), r"gives 2 scores .* name 3 classes"),
        (lambda r: r["variants"][0]["output"].update(shape=[]), r"model\.int8\.onnx.* expected scores"),
        (lambda r: r["variants"][0]["output"].update(dtype="int16"), r"dtype int16"),
        (lambda r: r["variants"][0].update(format="exe"), r"unknown variant 'exe int8'"),
        (lambda r: r["variants"][0].update(file="../../etc/passwd"), r"file inside the bundle"),
        (lambda r: r["variants"][0].update(file="/etc/passwd"), r"file inside the bundle"),
        (lambda r: r["variants"][0].update(file=""), r"file inside the bundle"),
        (lambda r: r["evaluation"][0].update(file="evaluation/../../x.jpg"), r"file inside the bundle"),
        (lambda r: r["evaluation"][0].update(label=2), r"evaluation/0\.jpg has label 2, .* 2 classes"),
        (lambda r: r["thresholds"].update(values=[0.5]), r"a threshold for each of 2 classes, found 1;"),
        (
            lambda r: r["thresholds"].update(values=[0.5, 1.01]),
            r"threshold of 0 to 1 for 'pear', found 1\.01",
        ),
        (
            lambda r: r["thresholds"].update(values=[-0.1, 0.5]),
            r"threshold of 0 to 1 for 'apple', found -0\.1",
        ),
        (lambda r: r["thresholds"].update(values=[float("nan"), 0.5]), r"for 'apple', found nan"),
        (lambda r: r["thresholds"].update(values=[True, 0.5]), r"expected float, found True"),
        (lambda r: r["preprocess"].update(height=0), r"input size must be positive"),
        (lambda r: r["confidence"].update(temperature=0), r"temperature of 0\.05 to 100, found 0;"),
        (lambda r: r["confidence"].update(temperature=-1.0), r"temperature of 0\.05 to 100, found -1;"),
    ],
)
def test_a_manifest_changed_by_hand_is_refused(
    folder: Path, alter: Callable[[dict[str, Any]], Any], words: str
) -> None:
    change(folder, alter)
    with pytest.raises(ModelError, match=words) as caught:
        read_manifest(folder)
    assert "manifest.json" in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{", '"x"'])
def test_a_manifest_that_is_none_is_refused(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    with pytest.raises(ModelError, match="expected"):
        read_manifest(folder)


def test_a_changed_byte_is_found(folder: Path) -> None:
    bundle = Bundle.open(folder)
    chosen = bundle.variant()
    assert bundle.variant_path(chosen).read_bytes() == MODEL
    (folder / chosen.file).write_bytes(b"N" + MODEL[1:])
    with pytest.raises(
        ModelError, match=r"expected sha256 .*, found .*; the file was changed, copy the bundle again"
    ):
        bundle.variant_path(chosen)


def test_a_missing_file_is_named(folder: Path) -> None:
    bundle = Bundle.open(folder)
    (folder / "model.int8.tflite").unlink()
    with pytest.raises(
        ModelError, match=r"model\.int8\.tflite: the manifest names this file but it is missing"
    ):
        bundle.variant_path(bundle.variant())


def test_int8_tflite_is_taken_unless_another_is_asked_for(folder: Path) -> None:
    bundle = Bundle.open(folder)
    assert bundle.variant().key == "tflite int8"
    assert bundle.variant(precision="float32").key == "tflite float32"
    assert bundle.variant(format="onnx").key == "onnx int8"


def test_a_variant_that_is_not_there_is_wrong_use(folder: Path) -> None:
    with pytest.raises(
        UsageError, match="expected a variant 'onnx float16', found onnx int8, tflite float32"
    ):
        Bundle.open(folder).variant(format="onnx", precision="float16")


def test_the_bundle_meant_is_the_newest_or_that_of_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parents[1])
    monkeypatch.delenv("EDGECLS_BUNDLE", raising=False)
    assert find_bundle(None).resolve() == folder
    monkeypatch.setenv("EDGECLS_BUNDLE", "elsewhere")
    with pytest.raises(UsageError, match="elsewhere"):
        find_bundle(None)
    assert find_bundle(str(folder)) == folder


def test_a_bundle_without_model_files_is_refused(folder: Path) -> None:
    change(folder, lambda record: record.update(variants=[]))
    with pytest.raises(ModelError, match=r"manifest\.json: expected at least one model file, found none"):
        read_manifest(folder)


def test_a_link_out_of_the_bundle_is_refused(folder: Path, tmp_path: Path) -> None:
    bundle = Bundle.open(folder)
    chosen = bundle.variant()
    (tmp_path / "outside").write_bytes(MODEL)
    (folder / chosen.file).unlink()
    (folder / chosen.file).symlink_to(tmp_path / "outside")
    with pytest.raises(ModelError, match="expected a file inside the bundle, found a link out of it"):
        bundle.variant_path(chosen)


def test_a_bundle_reached_through_a_link_is_as_good(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(folder, target_is_directory=True)
    bundle = Bundle.open(tmp_path / "linked")
    assert bundle.variant_path(bundle.variant()).read_bytes() == MODEL
