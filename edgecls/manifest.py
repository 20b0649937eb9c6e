"""Manifest: everything a bundle says about itself, as frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass

from edgecls.machine import Machine
from edgecls.metrics import Agreement, Proportion
from edgecls.preprocess import Preprocess
from edgecls.tensors import TensorSpec

SCHEMA = 5
FORMATS = ("tflite", "onnx")
PRECISIONS = ("float32", "float16", "dynamic", "int8", "int8-avx2")


@dataclass(frozen=True)
class Limits:
    """The gate: what int8 may differ from float in, on photos that neither calibrate nor test.

    `max_drop` and `max_class_drop` are points of top-1, of all photos and of any one class; `min_agreement` is the
    fraction of decided photos (see Agreement) that must keep float's answer.
    """

    max_drop: float = 0.5
    max_class_drop: float = 5.0
    min_agreement: float = 0.99


@dataclass(frozen=True)
class Measurement:
    """Accuracy of one model file on held-out photos, and what computed it.

    `arithmetic` is "native" (as the machine's fast kernels sum) or "exact" (sums that cannot saturate).
    `agreement` compares with the float32 model of the same format.
    """

    photos: str  # which photos: "validation", "test", ...
    top1: Proportion
    agreement: Agreement
    engine: str
    arithmetic: str


@dataclass(frozen=True)
class Confidence:
    """The temperature that turns every variant's probabilities into confidences.

    `fitted` says on which photos and with which variant. `error` is that variant's expected calibration error on the
    test photos, a fraction, and `error_before` what it would be at temperature 1.
    """

    temperature: float
    fitted: str
    error_before: float
    error: float


@dataclass(frozen=True)
class Thresholds:
    """How sure an answer must be to count: its confidence is above the threshold of its class, else it is unknown.

    `values`, one a label, are probabilities after temperature: 0 lets every answer through, 1 none. `precision` is the
    share of the answers that should be right, `fitted` says on which photos and with which variant that was looked for.
    On the test photos `answered` is the share above, `right` the share of these that are right, None where none is.
    """

    values: tuple[float, ...]
    precision: float
    fitted: str
    answered: Proportion
    right: Proportion | None


@dataclass(frozen=True)
class Variant:
    """One model file of a bundle."""

    file: str
    format: str
    precision: str
    sha256: str
    size_bytes: int
    input: TensorSpec
    output: TensorSpec
    gate: Measurement
    test: Measurement

    @property
    def key(self) -> str:
        """Short name, e.g. "tflite int8"."""
        return f"{self.format} {self.precision}"


@dataclass(frozen=True)
class Rejected:
    """A variant that was made, measured and left out, with the sentence that says why."""

    format: str
    precision: str
    reason: str
    gate: Measurement | None


@dataclass(frozen=True)
class Rung:
    """One way that int8 was made: what the gate's photos said of it, and why it does not do, or "".

    `taken` says that this is the file of the bundle, or else the best of those left out. `unquantized` are kinds of
    operators that are in float unasked, because the quantizer has no int8 form of them.
    """

    format: str
    precision: str
    name: str
    reason: str
    gate: Measurement | None
    taken: bool
    unquantized: tuple[str, ...]


@dataclass(frozen=True)
class Calibration:
    """Which photos gave the activation ranges.

    `digest` is over the sorted digests of the photos. `near_duplicates` were looked at and left out; `warnings` has a
    sentence for each thing that is poor about those chosen.
    """

    photos: int
    split: str
    method: str
    seed: int
    digest: str
    near_duplicates: int
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class EvaluationPhoto:
    """A held-out photo carried in the bundle, original bytes."""

    file: str
    label: int
    sha256: str


@dataclass(frozen=True)
class ChangedPhoto:
    """A test photo, small, whose answer a variant changed: `label` is right, float said `before`, the variant `after`.

    `margin` is float's best probability minus its second.
    """

    file: str
    sha256: str
    variant: str
    label: int
    before: int
    after: int
    margin: float


@dataclass(frozen=True)
class Origin:
    """The training run a bundle was made from."""

    run: str
    inputs_digest: str
    model_sha256: str
    data: str


@dataclass(frozen=True)
class Manifest:
    """Contents of manifest.json.

    `inputs_digest` is over everything that determines the bundle, so that the same inputs find it again.
    `target` is the device profile int8 was made for, "" for any; `golden_sha256` the digest of golden.npz.
    """

    schema: int
    name: str
    created: str
    inputs_digest: str
    network: str
    labels: tuple[str, ...]
    preprocess: Preprocess
    confidence: Confidence
    thresholds: Thresholds
    target: str
    limits: Limits
    variants: tuple[Variant, ...]
    rejected: tuple[Rejected, ...]
    rungs: tuple[Rung, ...]
    calibration: Calibration | None
    evaluation: tuple[EvaluationPhoto, ...]
    changed: tuple[ChangedPhoto, ...]
    golden_sha256: str
    origin: Origin
    machine: Machine
    versions: dict[str, str]


def int8_first(format: str, precision: str) -> tuple[bool, bool]:
    """Sorts int8 before float, and TFLite before ONNX."""
    return not precision.startswith("int8"), format != "tflite"
