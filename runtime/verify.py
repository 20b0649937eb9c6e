"""Verify: proof that a bundle is whole and that this machine gives the answers that were measured."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from edgecls.bundle import Bundle, Golden
from edgecls.errors import DeviceError, MissingDependencyError, ModelError
from edgecls.machine import Machine
from edgecls.manifest import Variant
from edgecls.metrics import DECIDED_MARGIN, margins
from edgecls.preprocess import Pixels
from edgecls.progress import Tick
from edgecls.runtime.arithmetic import arithmetic_for
from edgecls.runtime.engine import open_engine
from edgecls.runtime.model_file import ModelFile

FLOAT_TOLERANCE = 1e-3
# x86 and Arm kernels may round an int8 sum to neighbouring steps, in any layer; a probability then moves by
# some of the softmax's steps of 1/256.
INT8_TOLERANCE = 0.05

Probabilities = NDArray[np.float32]


class Outcome(Enum):
    """What came of one variant."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Replay:
    """The golden photos of one variant, computed here and compared with the stored answers.

    `agreement` is the share of photos with the same best class; `decided` counts those whose stored margin,
    best minus second probability, is at least DECIDED_MARGIN; `lost` of them have another best class here.
    """

    engine: str
    arithmetic: str
    photos: int
    agreement: float
    decided: int
    lost: int
    largest_difference: float


@dataclass(frozen=True)
class VariantCheck:
    """One variant: what came of it, why when it did not pass, and its replay when there was one."""

    variant: Variant
    outcome: Outcome
    reason: str
    replay: Replay | None = None


@dataclass(frozen=True)
class Verification:
    """All variants, and one sentence for each other file that is not as the manifest says."""

    variants: tuple[VariantCheck, ...]
    files_checked: int
    faults: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.faults and all(check.outcome is not Outcome.FAILED for check in self.variants)


def verify_bundle(
    bundle: Bundle, machine: Machine, *, threads: int = 1, tick: Tick | None = None
) -> Verification:
    """Check every digest of a bundle and replay its golden photos on the engine of each variant.

    A variant whose engine is not installed is skipped. `tick` hears (done, all) variants.
    Raises ModelError when no variant could be replayed here and nothing else is wrong.
    """
    golden, faults = _read_golden(bundle)
    faults += _check_photos(bundle)
    variants = bundle.manifest.variants
    checks = []
    for done, variant in enumerate(variants, start=1):
        checks.append(_check(bundle, variant, golden, machine=machine, threads=threads))
        if tick:
            tick(done, len(variants))
    files = len(variants) + 1 + len(bundle.manifest.evaluation) + len(bundle.manifest.changed)
    verification = Verification(tuple(checks), files, tuple(faults))
    _require_a_replay(bundle, verification)
    return verification


def _read_golden(bundle: Bundle) -> tuple[Golden | None, list[str]]:
    try:
        return bundle.golden(), []
    except ModelError as error:
        return None, [str(error)]


def _check_photos(bundle: Bundle) -> list[str]:
    """One sentence for each photo of the bundle that is missing or changed."""
    files = {photo.file: photo.sha256 for photo in bundle.manifest.evaluation}
    files |= {photo.file: photo.sha256 for photo in bundle.manifest.changed}
    found = (_fault(bundle, file, sha256) for file, sha256 in files.items())
    return [fault for fault in found if fault is not None]


def _fault(bundle: Bundle, file: str, sha256: str) -> str | None:
    try:
        bundle.file(file, sha256)
    except ModelError as error:
        return str(error)
    return None


def _check(
    bundle: Bundle, variant: Variant, golden: Golden | None, *, machine: Machine, threads: int
) -> VariantCheck:
    try:
        bundle.variant_path(variant)  # before anything else: a changed file is reported on any machine
        _check_card(bundle, variant)
        expected, pixels = _stored(golden, variant)
        replay = _replay(bundle, variant, pixels, expected=expected, machine=machine, threads=threads)
    except (MissingDependencyError, DeviceError) as error:
        return VariantCheck(variant, Outcome.SKIPPED, str(error))
    except ModelError as error:
        return VariantCheck(variant, Outcome.FAILED, str(error))
    reason = judge(variant, replay)
    return VariantCheck(variant, Outcome.FAILED if reason else Outcome.PASSED, reason, replay)


def _check_card(bundle: Bundle, variant: Variant) -> None:
    """Raise ModelError unless labels and Preprocess inside the file are those of the manifest."""
    inside = ModelFile.from_file(bundle.folder / variant.file).card
    m = bundle.manifest
    if (inside.labels, inside.preprocess) != (m.labels, m.preprocess):
        raise ModelError(
            f"{variant.file}: the labels or the Preprocess inside the file are not those of manifest.json; "
            "one of them was changed, copy the bundle again"
        )


def _stored(golden: Golden | None, variant: Variant) -> tuple[Probabilities, Pixels]:
    """The stored answers of a variant, float32 (n, classes), and their pixels, uint8 (n, h, w, 3)."""
    if golden is None or variant.file not in golden.probabilities:
        raise ModelError(f"{variant.file}: no stored answers to compare with; make the bundle anew")
    expected = golden.probabilities[variant.file]
    shape = (len(golden.pixels), variant.output.shape[-1])
    if not len(expected) or expected.shape != shape:
        raise ModelError(
            f"{variant.file}: expected stored answers of shape {shape}, found {expected.shape}; "
            "make the bundle anew"
        )
    return expected, golden.pixels


def _replay(
    bundle: Bundle,
    variant: Variant,
    pixels: Pixels,
    *,
    expected: Probabilities,
    machine: Machine,
    threads: int,
) -> Replay:
    arithmetic = arithmetic_for(variant.format, variant.precision, machine)
    engine = open_engine(bundle.folder / variant.file, threads=threads, arithmetic=arithmetic)
    try:
        return compare(expected, engine.run(pixels), engine=engine.name, arithmetic=engine.arithmetic)
    finally:
        engine.close()


def compare(expected: Probabilities, found: Probabilities, *, engine: str, arithmetic: str) -> Replay:
    """Compare stored and computed probabilities, both float32 (n, classes), n at least 1."""
    decided = margins(expected) >= DECIDED_MARGIN
    same = expected.argmax(axis=1) == found.argmax(axis=1)
    return Replay(
        engine=engine,
        arithmetic=arithmetic,
        photos=len(expected),
        agreement=float(same.mean()),
        decided=int(decided.sum()),
        lost=int((decided & ~same).sum()),
        largest_difference=float(np.abs(expected - found).max()),
    )


def judge(variant: Variant, replay: Replay) -> str:
    """Why a replay fails, or "". NaN is never within a tolerance."""
    tolerance = FLOAT_TOLERANCE if variant.precision.startswith("float") else INT8_TOLERANCE
    if replay.lost:
        return (
            f"{variant.file}: expected the stored best class on all {replay.decided} decided photos, "
            f"found another on {replay.lost}; do not use it on this machine"
        )
    if not replay.largest_difference <= tolerance:
        return (
            f"{variant.file}: expected the stored probabilities within {tolerance:g}, found a difference of "
            f"{replay.largest_difference:.4f}; do not use it on this machine"
        )
    return ""


def _require_a_replay(bundle: Bundle, verification: Verification) -> None:
    if all(check.outcome is Outcome.SKIPPED for check in verification.variants) and verification.passed:
        reasons = "; ".join(check.reason for check in verification.variants) or "it has no variants"
        raise ModelError(f"{bundle.folder}: nothing could be verified: {reasons}")
