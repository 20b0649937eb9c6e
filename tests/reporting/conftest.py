"""Made-up but realistic figures for report pages: 14 supermarket classes, six variants, two engines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from edgecls.devices.health import Health
from edgecls.files import sha256_bytes
from edgecls.machine import Machine
from edgecls.manifest import (
    SCHEMA,
    Calibration,
    Confidence,
    Limits,
    Manifest,
    Measurement,
    Origin,
    Rejected,
    Thresholds,
    Variant,
)
from edgecls.metrics import Agreement, ClassDrop, Indices, class_reports, wilson
from edgecls.preprocess import Preprocess
from edgecls.reporting.training_report import TrainingReport
from edgecls.runtime.benchmark_result import SCHEMA as BENCH_SCHEMA
from edgecls.runtime.benchmark_result import BenchResult, BenchRow, Skipped
from edgecls.runtime.timing import percentiles
from edgecls.tensors import TensorSpec

LABELS = (
    "beans", "cake", "candy", "cereal", "chips", "chocolate", "coffee", "corn", "fish", "flour",
    "honey", "jam", "juice", "Äpfel & Käse",
)  # fmt: skip
MACHINE = Machine(
    model="AMD EPYC 7B13",
    processor="AMD EPYC 7B13",
    architecture="x86_64",
    cores=2,
    memory_mb=7960,
    system="Debian GNU/Linux 12 (bookworm), Linux 6.1",
    python="3.11.7",
    int8_dot="saturating",
)
HEALTH = Health(temperature_c=48.0, clock_mhz=2400.0, throttled=False, governor="schedutil")
# file, test hits of 661, bundle hits of 200, size, invoke ms with 1 and with 2 threads, arithmetic
VARIANTS = (
    ("model.float32.tflite", 519, 158, 13_588_000, (12.6, 6.9), "native"),
    ("model.float16.tflite", 519, 158, 6_820_000, (12.7, 7.0), "native"),
    ("model.int8.tflite", 524, 160, 3_935_000, (13.1, 7.7), "native"),
    ("model.float32.onnx", 519, 158, 13_570_000, (13.9, 7.9), "native"),
    ("model.int8.onnx", 521, 157, 3_990_000, (46.0, 31.0), "exact"),
    ("model.int8-avx2.onnx", 514, 155, 3_990_000, (7.9, 4.4), "native"),
)


def bench_row(file: str, *, hits: int, threads: int, invoke: float, arithmetic: str = "native") -> BenchRow:
    """A row with 200 samples around `invoke` ms."""
    precision, format = file.removeprefix("model.").rsplit(".", 1)
    noise = np.random.default_rng(len(file) + threads).gamma(2.0, 0.03, 200)
    samples = tuple(float(value) for value in np.round(invoke * (0.95 + noise), 4))
    frames = tuple(round(sample + 0.42, 4) for sample in samples)
    return BenchRow(
        file=file,
        sha256=sha256_bytes(file.encode()),
        format=format,
        precision=precision,
        engine="litert" if format == "tflite" else "onnxruntime",
        runs_on="litert 2.3.0 XNNPACK" if format == "tflite" else "onnxruntime 1.31.1 CPU",
        arithmetic=arithmetic,
        threads=threads,
        size_bytes=4_000_000,
        load_ms=21.4,
        first_ms=invoke * 1.6,
        invoke_ms=percentiles(samples),
        frame_ms=percentiles(frames),
        top1=wilson(hits, 200),
        base_memory_mb=71.0,
        peak_memory_mb=118.0 + 3 * threads,
        invoke_samples_ms=samples,
        frame_samples_ms=frames,
    )


def bench_result(rows: tuple[BenchRow, ...], machine: Machine = MACHINE) -> BenchResult:
    return BenchResult(
        schema=BENCH_SCHEMA,
        bundle="efficientnet_lite0-groceries-001",
        created="2026-11-22T09:40:12.123456+00:00",
        machine=machine,
        versions={"edgecls": "0.1.0", "numpy": "2.4.6", "ai-edge-litert": "2.3.0", "onnxruntime": "1.31.1"},
        photos=200,
        method="200 held-out photos, dealt into 3 rounds; in each round every configuration runs once",
        rows=rows,
        skipped=(Skipped("tflite-runtime (.tflite files)", "engine 'tflite-runtime' is not installed"),),
        before=HEALTH,
        after=HEALTH,
    )


@pytest.fixture
def bench() -> BenchResult:
    return bench_result(
        tuple(
            bench_row(file, hits=hits, threads=count, invoke=invoke, arithmetic=arithmetic)
            for file, _, hits, _, times, arithmetic in VARIANTS
            for count, invoke in zip((1, 2), times, strict=True)
        )
    )


def measurement(hits: int, n: int, arithmetic: str, *, photos: str) -> Measurement:
    agreement = Agreement(
        n, 0.968, 0.997, int(n * 0.95), 0.0034, (519 - hits) / n, -0.019, 0.004, ClassDrop(0, 0.02, 50)
    )
    engine = "litert 2.3.0 XNNPACK"
    return Measurement(photos, wilson(hits, n), agreement, engine=engine, arithmetic=arithmetic)


def variant(file: str, hits: int, size: int, arithmetic: str, labels: tuple[str, ...]) -> Variant:
    precision, format = file.removeprefix("model.").rsplit(".", 1)
    return Variant(
        file=file,
        format=format,
        precision=precision,
        sha256=sha256_bytes(file.encode()),
        size_bytes=size,
        input=TensorSpec("image", (1, 224, 224, 3), "uint8"),
        output=TensorSpec("probabilities", (1, len(labels)), "float32"),
        gate=measurement(int(hits * 57 / 661), 57, arithmetic, photos="validation"),
        test=measurement(hits, 661, arithmetic, photos="test"),
    )


def bundle_manifest(labels: tuple[str, ...] = LABELS) -> Manifest:
    return Manifest(
        schema=SCHEMA,
        name="efficientnet_lite0-groceries-001",
        created="2026-11-22T09:31:05.000000+00:00",
        inputs_digest="0c" * 32,
        network="efficientnet_lite0",
        labels=labels,
        preprocess=Preprocess(224, 224),
        confidence=Confidence(1.0, "9 validation photos, tflite int8", 0.05, 0.05),
        thresholds=Thresholds(
            (0.0,) * len(labels), 0.9, "57 validation photos, tflite int8", wilson(661, 661), wilson(524, 661)
        ),
        target="",
        limits=Limits(),
        variants=tuple(variant(file, hits, size, how, labels) for file, hits, _, size, _, how in VARIANTS),
        rejected=(
            Rejected(
                "onnx",
                "int8",
                "6.5 points below float on 57 validation photos, more than the gate allows (1.0)",
                measurement(41, 57, "native", photos="validation"),
            ),
        ),
        rungs=(),
        calibration=Calibration(
            100, "training", "min-max, stratified", seed=7, digest="5e" * 32, near_duplicates=2, warnings=()
        ),
        changed=(),
        evaluation=(),
        golden_sha256="aa" * 32,
        origin=Origin("efficientnet_lite0-groceries-001", "1d" * 32, "2e" * 32, data="data/groceries"),
        machine=MACHINE,
        versions={
            "edgecls": "0.1.0",
            "tensorflow": "2.21.0",
            "keras": "3.15.1",
            "litert-quantizer": "0.11.0",
        },
    )


@pytest.fixture
def manifest() -> Manifest:
    return bundle_manifest()


def counted_matrix(classes: int, *, empty: int | None = None) -> Indices:
    """A plausible confusion matrix; class `empty` has no photos."""
    random = np.random.default_rng(3)
    matrix = random.poisson(0.7, (classes, classes)).astype(np.int64)
    matrix[np.arange(classes), np.arange(classes)] = random.integers(18, 60, classes)
    if empty is not None:
        matrix[empty] = 0
    return matrix


def training_report(labels: tuple[str, ...] = LABELS, *, empty: int | None = None) -> TrainingReport:
    matrix = counted_matrix(len(labels), empty=empty)
    epochs = np.arange(1, 41)
    return TrainingReport(
        title="efficientnet_lite0-groceries-001",
        facts=(
            ("network", "efficientnet_lite0"),
            ("regime", "head"),
            ("optimiser", "Adam, 0.003"),
            ("seed", "7"),
        ),
        history={
            "loss": tuple(float(v) for v in 0.25 + 2.2 * np.exp(-epochs / 6)),
            "accuracy": tuple(float(v) for v in 0.94 - 0.8 * np.exp(-epochs / 5)),
            "val_loss": tuple(float(v) for v in 0.72 + 1.7 * np.exp(-epochs / 5) + 0.02 * np.sin(epochs)),
            "val_accuracy": tuple(float(v) for v in 0.79 - 0.6 * np.exp(-epochs / 4) + 0.01 * np.sin(epochs)),
        },
        matrix=matrix,
        class_reports=class_reports(matrix, labels),
        top1=wilson(int(matrix.trace()), int(matrix.sum())),
        problems=("4 files were left out: broken.jpg: the picture ends too early, the file is truncated",),
        photos="test photos",
        data=(("training", "675 photos"), ("validation", "57 photos"), ("test", "661 photos")),
        versions=(("keras", "3.15.1"), ("tensorflow", "2.21.0")),
    )


@pytest.fixture
def training() -> TrainingReport:
    return training_report()


@pytest.fixture
def without_chips() -> TrainingReport:
    """A run whose test photos hold no chips."""
    return training_report(empty=LABELS.index("chips"))


@pytest.fixture
def machine_named() -> Callable[[str], Machine]:
    return lambda name: replace(MACHINE, model=name)


@pytest.fixture
def make_bench() -> Callable[..., BenchResult]:
    """Makes a benchmark of rows given as (file, threads, invoke ms, hits of 200)."""

    def make(*rows: tuple[str, int, float, int]) -> BenchResult:
        return bench_result(
            tuple(bench_row(file, hits=hits, threads=count, invoke=ms) for file, count, ms, hits in rows)
        )

    return make
