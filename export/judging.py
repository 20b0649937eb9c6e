"""Judging candidates: measured on the gate's photos, those that pass measured once more on the test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgecls.data import Loaded
from edgecls.errors import GateError
from edgecls.export.candidates import Candidate
from edgecls.export.gate import judge
from edgecls.export.measure import Scored, measure, score_files
from edgecls.export.options import ExportOptions
from edgecls.files import sha256_file
from edgecls.machine import Machine
from edgecls.manifest import Manifest, Measurement, Rejected, Variant
from edgecls.metrics import Indices, Probabilities
from edgecls.progress import Announce


@dataclass(frozen=True)
class Passed:
    """A candidate within the gate, its figures there, and its probabilities, (photos of the gate, classes)."""

    candidate: Candidate
    gate: Measurement
    probabilities: Probabilities


@dataclass(frozen=True)
class Judgement:
    """Candidates within the gate, and those that stay out with their reason."""

    passed: tuple[Passed, ...]
    rejected: tuple[Rejected, ...]


@dataclass(frozen=True)
class Tested:
    """What the test photos gave: the variants, their probabilities by file, and the photos' classes."""

    variants: tuple[Variant, ...]
    probabilities: dict[str, Probabilities]
    truth: Indices


def judge_candidates(
    candidates: list[Candidate],
    loaded: Loaded,
    *,
    photos: str,
    labels: tuple[str, ...],
    options: ExportOptions,
    machine: Machine,
    announce: Announce,
) -> Judgement:
    """Measure every candidate beside the float file of its format, and let the gate decide."""
    scores = _scores(
        [c for c in candidates if not c.failure], loaded, options, machine, announce, "gate photos"
    )
    passed: list[Passed] = []
    rejected = []
    for candidate in candidates:
        if candidate.failure:
            rejected.append(Rejected(candidate.format, candidate.precision, candidate.failure, None))
            continue
        measured = _measured(candidate, scores, loaded, photos)
        reason = judge(measured, options.limits, labels) if candidate.precision != "float32" else ""
        if reason:
            rejected.append(Rejected(candidate.format, candidate.precision, reason, measured))
        else:
            passed.append(Passed(candidate, measured, scores[candidate.path].probabilities))
    return Judgement(tuple(passed), tuple(rejected))


def require_int8(judgement: Judgement, options: ExportOptions) -> None:
    """Raise GateError when a format asked for by name, or all of them, have no int8 variant left."""
    if not options.int8:
        return
    made = [passed.candidate for passed in judgement.passed]
    left = {candidate.format for candidate in made if candidate.precision.startswith("int8")}
    lacking = [name for name in options.formats if name not in left]
    if left and not (options.named and lacking):
        return
    reasons = "; ".join(
        f"{r.format} {r.precision}: {r.reason}" for r in judgement.rejected if r.format in lacking
    )
    raise GateError(
        f"no int8 variant of {' or '.join(lacking)} passed the gate, no bundle was written: {reasons}; "
        "train longer or on more photos, allow more, or export float with --no-int8"
    )


def require_int8_in(manifest: Manifest, options: ExportOptions) -> None:
    """Raise GateError when a bundle found unchanged has no int8 variant of a format asked for by name."""
    there = {v.format for v in manifest.variants if v.precision.startswith("int8")}
    lacking = [name for name in options.formats if name not in there]
    if options.int8 and options.named and lacking:
        reasons = "; ".join(
            f"{r.format} {r.precision}: {r.reason}" for r in manifest.rejected if r.format in lacking
        )
        raise GateError(
            f"bundle {manifest.name}, of the same run and options, has no int8 variant of "
            f"{' or '.join(lacking)}: {reasons}; use the formats it has, or allow more"
        )


def measure_on_test(
    judgement: Judgement,
    loaded: Loaded,
    *,
    options: ExportOptions,
    machine: Machine,
    announce: Announce,
) -> Tested:
    """Read the test photos once, with every variant that passed."""
    candidates = [passed.candidate for passed in judgement.passed]
    scores = _scores(candidates, loaded, options, machine, announce, "test photos")
    words = f"{len(loaded)} test photos"
    variants = tuple(
        _variant(p.candidate, scores[p.candidate.path], p.gate, _measured(p.candidate, scores, loaded, words))
        for p in judgement.passed
    )
    return Tested(
        variants, {path.name: scored.probabilities for path, scored in scores.items()}, loaded.truth
    )


def _scores(
    candidates: list[Candidate],
    loaded: Loaded,
    options: ExportOptions,
    machine: Machine,
    announce: Announce,
    what: str,
) -> dict[Path, Scored]:
    files = {c.path: c.precision for c in candidates}
    return score_files(files, loaded, machine=machine, threads=options.threads, announce=announce, what=what)


def _measured(candidate: Candidate, scores: dict[Path, Scored], loaded: Loaded, photos: str) -> Measurement:
    reference = scores[candidate.path.with_name(f"model.float32.{candidate.format}")]
    return measure(scores[candidate.path], reference, loaded, photos=photos)


def _variant(candidate: Candidate, scored: Scored, gate: Measurement, test: Measurement) -> Variant:
    return Variant(
        file=candidate.path.name,
        format=candidate.format,
        precision=candidate.precision,
        sha256=sha256_file(candidate.path),
        size_bytes=candidate.path.stat().st_size,
        input=scored.input,
        output=scored.output,
        gate=gate,
        test=test,
    )
