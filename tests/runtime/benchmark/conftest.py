"""Bundles to benchmark: some whose model files are empty words, one with a real TFLite model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgecls.bundle import Bundle
from edgecls.files import sha256_file
from edgecls.machine import Machine
from edgecls.manifest import (
    SCHEMA,
    Confidence,
    EvaluationPhoto,
    Limits,
    Manifest,
    Measurement,
    Origin,
    Thresholds,
    Variant,
)
from edgecls.manifest_file import write_manifest
from edgecls.metrics import Agreement, ClassDrop, wilson
from edgecls.preprocess import Preprocess
from edgecls.tensors import TensorSpec

MakeBundle = Callable[..., Bundle]
LABELS = ("red", "green", "blue")
BGR = ((0, 0, 255), (0, 255, 0), (255, 0, 0))
SIDE = 16


@pytest.fixture
def machine() -> Machine:
    """Four cores, x86 without VNNI."""
    return Machine(
        "Board", "CPU", "x86_64", 4, memory_mb=4000, system="Linux", python="3.11", int8_dot="saturating"
    )


@pytest.fixture
def make_bundle(tmp_path: Path) -> MakeBundle:
    """Makes a bundle of model files, given as bytes or as none at all, with single-coloured photos."""

    def make(*files: str, photos: int = 9, model: bytes = b"no model") -> Bundle:
        folder = tmp_path / "colours-001"
        (folder / "evaluation").mkdir(parents=True)
        for file in files:
            (folder / file).write_bytes(model)
        shown = tuple(_photo(folder, i) for i in range(photos))
        write_manifest(folder, _manifest(tuple(_variant(folder / file) for file in files), shown))
        return Bundle.open(folder)

    return make


def _photo(folder: Path, i: int) -> EvaluationPhoto:
    """The photos lie class by class, as a real bundle's do: 0 0 0 1 1 1 2 2 2."""
    label = i // 3 % 3
    file = f"evaluation/{i:03d} ä.png"
    picture = np.full((48, 64, 3), BGR[label], np.uint8)
    picture[0, 0] = i
    (folder / file).write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    return EvaluationPhoto(file, label, sha256_file(folder / file))


def _variant(path: Path) -> Variant:
    precision, format = path.name.removeprefix("model.").rsplit(".", 1)
    measured = Measurement(
        "validation",
        wilson(9, 9),
        Agreement(9, 1, 1, 9, 0, 0, -0.1, 0.1, ClassDrop(0, 0.0, 3)),
        engine="litert",
        arithmetic="native",
    )
    return Variant(
        file=path.name,
        format=format,
        precision=precision,
        sha256=sha256_file(path),
        size_bytes=path.stat().st_size,
        input=TensorSpec("image", (1, SIDE, SIDE, 3), "float32"),
        output=TensorSpec("scores", (1, len(LABELS)), "float32"),
        gate=measured,
        test=measured,
    )


def _manifest(variants: tuple[Variant, ...], photos: tuple[EvaluationPhoto, ...]) -> Manifest:
    return Manifest(
        schema=SCHEMA,
        name="colours-001",
        created="2026-11-22T09:31:05.000000+00:00",
        inputs_digest="0c",
        network="colours",
        labels=LABELS,
        preprocess=Preprocess(SIDE, SIDE),
        confidence=Confidence(1.0, "9 validation photos, tflite int8", 0.05, 0.05),
        thresholds=Thresholds(
            (0.0,) * len(LABELS), 0.9, "9 validation photos, tflite int8", wilson(8, 8), wilson(8, 8)
        ),
        target="",
        limits=Limits(),
        variants=variants,
        rejected=(),
        rungs=(),
        calibration=None,
        changed=(),
        evaluation=photos,
        golden_sha256="aa",
        origin=Origin("colours-001", "1d", "2e", data="data/colours"),
        machine=Machine(
            "Board", "CPU", "x86_64", 4, memory_mb=4000, system="L", python="3.11", int8_dot="vnni"
        ),
        versions={},
    )


@pytest.fixture(scope="session")
def real_model(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A .tflite that tells red, green and blue apart: the mean of each channel, sharpened."""
    keras = pytest.importorskip("keras", reason="needs the train extra")
    image = keras.Input((SIDE, SIDE, 3))
    means = keras.layers.GlobalAveragePooling2D()(image)
    scores = keras.layers.Softmax()(keras.layers.Rescaling(0.1)(means))
    path = tmp_path_factory.mktemp("model") / "model.float32.tflite"
    keras.Model(image, scores).export(str(path), format="litert", verbose=False)
    return path.read_bytes()


@pytest.fixture
def real_bundle(make_bundle: MakeBundle, real_model: bytes) -> Bundle:
    return make_bundle("model.float32.tflite", model=real_model)
