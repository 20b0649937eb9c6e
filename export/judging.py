"""Judging candidates: measured on the gate's photos, those that pass measured once more on the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgecls.data import Loaded
from edgecls.errors import GateError
from edgecls.export.candidates import Candidate
from edgecls.export.gate import judge
from edgecls.export.measure import Scored, measure, score_file, score_files
from edgecls.export.options import ExportOptions
from edgecls.files import sha256_file
from edgecls.machine import Machine
from edgecls.manifest import Manifest, Measurement, Rejected, Rung, Variant
from edgecls.metrics import Indices, Probabilities
from edgecls.progress import Announce


@dataclass(frozen=True)
class Look:
    """What the gate's photos say of a candidate: figures, probabilities (photos, classes), and why it stays out, or "".

    Of a candidate that could not be made there are no figures.
    """

    candidate: Candidate
    gate: Measurement | None
    probabilities: Probabilities
    reason: str


@dataclass(frozen=True)
class Passed:
    """A candidate within the gate, its figures there, and its probabilities, (photos of the gate, classes)."""

    candidate: Candidate
    gate: Measurement
    probabilities: Probabilities


@dataclass(frozen=True)
class Judgement:
    """Candidates within the gate, those that stay out with their reason, and what each rung of int8 gave."""

    passed: tuple[Passed, ...]
    rejected: tuple[Rejected, ...]
    rungs: tuple[Rung, ...] = ()


@dataclass(frozen=True)
class Tested:
    """What the test photos gave: the variants, their probabilities by file, and the photos' classes."""

    variants: tuple[Variant, ...]
    probabilities: dict[str, Probabilities]
    truth: Indices


class Judge:
    """Measures candidates on the gate's photos beside the float file of their format, which it must see first."""

    def __init__(
        self,
        loaded: Loaded,
        photos: str,
        labels: tuple[str, ...],
        *,
        options: ExportOptions,
        machine: Machine,
        announce: Announce,
    ) -> None:
        self._loaded, self._photos, self._labels = loaded, photos, labels
        self._options, self._machine, self._announce = options, machine, announce
        self._references: dict[str, Scored] = {}

    def look(self, candidate: Candidate) -> Look:
        """Run a candidate on the photos, and let the gate decide. Float is what it decides by, and always within."""
        if candidate.failure:
            return Look(candidate, None, np.zeros((0, 0), np.float32), candidate.failure)
        scored = score_file(
            candidate.path,
            candidate.precision,
            self._loaded,
            machine=self._machine,
            threads=self._options.threads,
            tick=self._announce(f"{candidate.path.name}, gate photos"),
        )
        reference = self._references.setdefault(candidate.format, scored)
        measured = measure(scored, reference, self._loaded, photos=self._photos)
        reason = "" if scored is reference else judge(measured, self._options.limits, self._labels)
        return Look(candidate, measured, scored.probabilities, reason)


def judgement_of(looks: Sequence[Look], rungs: tuple[Rung, ...]) -> Judgement:
    """Those within the gate, and the others."""
    passed = [Passed(x.candidate, x.gate, x.probabilities) for x in looks if x.gate and not x.reason]
    rejected = [
        Rejected(x.candidate.format, x.candidate.precision, x.reason, x.gate) for x in looks if x.reason
    ]
    return Judgement(tuple(passed), tuple(rejected), rungs)


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
    further = "" if options.effort == "max" else "try harder with --effort max, "
    raise GateError(
        f"no int8 variant of {' or '.join(lacking)} passed the gate, no bundle was written: {reasons}; "
        f"train longer or on more photos, allow more, {further}or export float with --no-int8"
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
