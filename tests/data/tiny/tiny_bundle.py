"""Writes a bundle around the tiny models of this folder; needs neither TensorFlow nor onnx."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np

from edgecls.bundle import GOLDEN
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
from edgecls.runtime.engine import open_engine

HERE = Path(__file__).parent
LABELS = ("red", "green", "blue")
MACHINE = Machine("a test", "none", "x86_64", 1, 1024, "none", "3.11", "vnni")


def write_tiny_bundle(folder: Path, *, formats: tuple[str, ...] = ("tflite",)) -> Path:
    """Write a bundle of float32 and int8 variants into the new `folder`; return the folder."""
    (folder / "evaluation").mkdir(parents=True)
    pixels = _golden_pixels()
    answers = {}
    variants = []
    for format in formats:
        for precision in ("float32", "int8"):
            variant, answers_here = _add(folder, format, precision, pixels)
            variants.append(variant)
            answers[variant.file] = answers_here
    np.savez(folder / GOLDEN, **{"pixels": pixels, **answers})  # type: ignore[arg-type]
    write_manifest(folder, _manifest(folder, tuple(variants), _photos(folder)))
    return folder


def _golden_pixels() -> np.ndarray:
    """uint8 RGB (8, 16, 16, 3): two noisy pictures of each colour, and two of none."""
    random = np.random.default_rng(7)
    levels = [[200, 40, 40], [40, 200, 40], [40, 40, 200], [110, 100, 100]] * 2
    noise = random.integers(-30, 30, (8, 16, 16, 3))
    return (np.array(levels)[:, None, None] + noise).astype(np.uint8)


def _add(folder: Path, format: str, precision: str, pixels: np.ndarray) -> tuple[Variant, np.ndarray]:
    path = folder / f"model.{precision}.{format}"
    shutil.copyfile(HERE / f"tiny.{precision}.{format}", path)
    engine = open_engine(path, arithmetic="exact")
    measured = Measurement("test", wilson(8, 8), _agreement(), engine.name, "native")
    variant = Variant(
        file=path.name,
        format=format,
        precision=precision,
        sha256=sha256_file(path),
        size_bytes=path.stat().st_size,
        input=engine.input,
        output=engine.output,
        gate=measured,
        test=measured,
    )
    return variant, engine.run(pixels)


def _agreement() -> Agreement:
    return Agreement(8, 1.0, 1.0, 6, 0.01, 0.0, 0.0, 0.0, ClassDrop(0, 0.0, 3))


def _photos(folder: Path) -> tuple[EvaluationPhoto, ...]:
    photos = []
    for label, name in enumerate(LABELS):
        path = folder / "evaluation" / f"{name}.png"
        picture = np.full((20, 30, 3), 30, np.uint8)
        picture[:, :, 2 - label] = 220  # OpenCV writes BGR
        cv2.imwrite(str(path), picture)
        photos.append(EvaluationPhoto(f"evaluation/{path.name}", label, sha256_file(path)))
    return tuple(photos)


def _manifest(
    folder: Path, variants: tuple[Variant, ...], evaluation: tuple[EvaluationPhoto, ...]
) -> Manifest:
    return Manifest(
        schema=SCHEMA,
        name=folder.name,
        created="2026-11-22T10:00:00+00:00",
        inputs_digest="0",
        network="tiny",
        labels=LABELS,
        preprocess=Preprocess(16, 16),
        confidence=Confidence(1.0, "9 validation photos, tflite int8", 0.05, 0.05),
        thresholds=Thresholds(
            (0.0,) * 3, 0.9, "9 validation photos, tflite int8", wilson(8, 8), wilson(8, 8)
        ),
        target="",
        limits=Limits(),
        variants=variants,
        rejected=(),
        rungs=(),
        calibration=None,
        changed=(),
        evaluation=evaluation,
        golden_sha256=sha256_file(folder / GOLDEN),
        origin=Origin("tiny-001", "0", "0", "none"),
        machine=MACHINE,
        versions={},
    )
