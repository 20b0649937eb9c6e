"""`edgecls inspect`: what a bundle or a file holds, for people and for machines."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from edgecls.bundle import Bundle
from edgecls.manifest_file import write_manifest

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_a_bundle_is_shown_with_its_labels_and_input_formula(edgecls: Run) -> None:
    done = edgecls("inspect")
    assert done.returncode == 0, done.stderr
    assert "red, green, blue" in done.stdout
    assert "float32 = pixel" in done.stdout
    assert "none, every answer counts" in done.stdout
    assert "int8 in all 6 operators" in done.stdout
    assert "fallen back to plain kernels: 1 SOFTMAX" in done.stdout


def test_the_thresholds_of_a_bundle_are_shown_with_their_labels(edgecls: Run, workplace: Path) -> None:
    bundle = Bundle.open(workplace / "bundles" / "tiny")
    thresholds = replace(bundle.manifest.thresholds, values=(0.5, 0.0, 1.0))
    write_manifest(bundle.folder, replace(bundle.manifest, thresholds=thresholds))
    assert "red 50.0%, green 0.0%, blue 100.0%" in edgecls("inspect").stdout


def test_a_file_alone_is_shown_as_json(edgecls: Run) -> None:
    done = edgecls("inspect", "bundles/tiny/model.int8.tflite", "--json")
    (file,) = json.loads(done.stdout)["files"]
    assert file["input"]["dtype"] == "int8"
    assert file["operators"]["counts"]["CONV_2D"] == 1
    assert file["operators"]["partitions"] == 1
    assert len(file["sha256"]) == 64
    assert file["card"]["labels"] == ["red", "green", "blue"]
    assert file["card"]["thresholds"] == [0, 0, 0]


def test_a_file_that_is_no_model_is_one_sentence(edgecls: Run) -> None:
    done = edgecls("inspect", "photos/none.tflite")
    assert done.returncode == 1
    assert "expected a model file, found nothing there" in done.stderr
