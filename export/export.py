"""Export, the whole way: a training run in, a measured bundle out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from edgecls.bundle import Bundle
from edgecls.calibration.checks import find_unsettled
from edgecls.calibration.selection import CalibrationSet, choose_calibration
from edgecls.data import load_pixels
from edgecls.devices.detect import detect_machine
from edgecls.devices.profile import find_profile
from edgecls.errors import GateError
from edgecls.export.candidates import embed_cards, make_float
from edgecls.export.changed import write_changed
from edgecls.export.confidence import fit_confidence, hold_out, measure_confidence
from edgecls.export.evaluation_photos import copy_evaluation
from edgecls.export.gate import choose_gate_photos
from edgecls.export.golden import write_golden
from edgecls.export.judging import (
    Judge,
    Judgement,
    judgement_of,
    measure_on_test,
    require_int8,
    require_int8_in,
)
from edgecls.export.ladder import Climbed, climb_all
from edgecls.export.lighter import make_lighter
from edgecls.export.options import (
    ExportOptions,
    export_versions,
    find_unchanged,
    inputs_digest,
    require_packages,
)
from edgecls.export.quantizing import METHODS
from edgecls.export.refused import keep_refused
from edgecls.export.thresholds import fit_thresholds, measure_thresholds
from edgecls.files import check_replaceable, new_folder, utc_now
from edgecls.machine import Machine
from edgecls.manifest import (
    SCHEMA,
    Calibration,
    ChangedPhoto,
    Confidence,
    Manifest,
    Origin,
    Thresholds,
    Variant,
)
from edgecls.manifest_file import DOCUMENT, write_manifest
from edgecls.names import check_name, next_name
from edgecls.photos import DataSet
from edgecls.progress import Announce, Progress
from edgecls.runs import RunRecord, recall_data, run_model
from edgecls.runtime.model_file import Card


@dataclass(frozen=True)
class ExportResult:
    """The bundle made, or found: `unchanged` says that an earlier one of the same inputs was found."""

    bundle: Bundle
    unchanged: bool


def export_run(
    run: Path,
    record: RunRecord,
    options: ExportOptions,
    *,
    bundles: Path,
    data: Path | None = None,
    name: str | None = None,
    force: bool = False,
    progress: Progress,
) -> ExportResult:
    """Convert, quantize, measure, gate and write one run as a bundle, or find the one of the same inputs.

    Raises GateError when a format asked for by name, or all of them, have no int8 variant within the gate;
    ModelError when the model cannot be converted; DataError when the run's photos are gone or changed;
    UsageError for a name that is taken, and for a target that is no device.
    """
    model = run_model(run, record)
    machine = detect_machine()
    board = find_profile(options.target) if options.target else None
    digest = inputs_digest(record, options, machine)
    if name:
        check_name(name)
    found = None if force else find_unchanged(bundles, digest, name)
    if found is not None:
        require_int8_in(found.manifest, options)
        return ExportResult(found, unchanged=True)
    stem = f"{record.config.network}-{record.data_name}"
    target = bundles / (name or next_name(bundles, stem))
    check_replaceable(target, force=force, documents=(DOCUMENT,))
    require_packages(options)
    dataset = recall_data(run, record, root=data)
    with new_folder(target, force=force, document=DOCUMENT) as folder, progress() as announce:
        calibration = _choose(dataset, record, options, announce)
        gate = choose_gate_photos(dataset, calibration.photos if calibration else (), seed=options.seed)
        judged = load_pixels(gate.photos, record.preprocess, announce("gate photos"))
        parity = calibration.loaded if calibration else judged
        floats = make_float(
            model, folder, options.formats,
            photos=parity.pixels, for_int8=calibration is not None, announce=announce,
        )  # fmt: skip
        judge = Judge(
            judged, gate.description, record.labels, options=options, machine=machine, announce=announce
        )
        lighter = make_lighter(floats, options.also, announce=announce)
        looks = [judge.look(candidate) for candidate in (*floats, *lighter)]
        climbed = Climbed()
        if calibration:
            climbed = climb_all(
                floats, parity.pixels, judge, machine=machine, target=board, threads=options.threads,
                effort=options.effort, announce=announce,
            )  # fmt: skip
            calibration = replace(calibration, warnings=calibration.warnings + find_unsettled(climbed.halves))
        looks += climbed.looks
        judgement = judgement_of(looks, climbed.rungs)
        try:
            require_int8(judgement, options)
        except GateError as error:
            refused = [look.candidate for look in looks if look.gate and look.reason]
            place = keep_refused(target, refused, judgement.rejected, lambda p: _card(record, p))
            raise GateError(f"{error}; the files are kept for a look in {place}") from error
        held_out = hold_out(judgement, judged, dataset.validation)
        fitted = fit_confidence(held_out)
        chosen = fit_thresholds(held_out, fitted, options.min_precision)
        embed_cards(
            [passed.candidate for passed in judgement.passed],
            lambda p: _card(record, p, temperature=fitted.temperature, thresholds=chosen.values),
        )
        test = load_pixels(dataset.test, record.preprocess, announce("test photos"))
        tested = measure_on_test(judgement, test, options=options, machine=machine, announce=announce)
        _sweep(folder, tested.variants)
        manifest = _manifest(
            target.name, record, folder, dataset=dataset, calibration=calibration, options=options,
            machine=machine, variants=tested.variants, judgement=judgement, digest=digest,
            confidence=measure_confidence(fitted, tested), thresholds=measure_thresholds(chosen, fitted, tested),
            changed=write_changed(folder, tested, test),
        )  # fmt: skip
        write_manifest(folder, manifest)
    return ExportResult(Bundle.open(target), unchanged=False)


def _choose(
    dataset: DataSet, record: RunRecord, options: ExportOptions, announce: Announce
) -> CalibrationSet | None:
    if not options.int8:
        return None
    return choose_calibration(
        dataset.train,
        record.preprocess,
        record.labels,
        count=options.calibration_photos,
        seed=options.seed,
        tick=announce("calibration photos"),
    )


def _card(
    record: RunRecord, precision: str, *, temperature: float = 1.0, thresholds: tuple[float, ...] = ()
) -> Card:
    """Without thresholds every answer counts."""
    return Card(
        record.config.network, record.labels, record.preprocess, precision, temperature,
        thresholds or (0.0,) * len(record.labels),
    )  # fmt: skip


def _sweep(folder: Path, variants: tuple[Variant, ...]) -> None:
    """Delete what is not shipped: rejected candidates and the files of the conversion."""
    kept = {variant.file for variant in variants}
    for path in folder.iterdir():
        if path.is_file() and path.name not in kept:
            path.unlink()


def _manifest(
    name: str,
    record: RunRecord,
    folder: Path,
    *,
    dataset: DataSet,
    calibration: CalibrationSet | None,
    options: ExportOptions,
    machine: Machine,
    variants: tuple[Variant, ...],
    judgement: Judgement,
    digest: str,
    confidence: Confidence,
    thresholds: Thresholds,
    changed: tuple[ChangedPhoto, ...],
) -> Manifest:
    """Write golden answers and evaluation photos into `folder`, and describe it all."""
    return Manifest(
        schema=SCHEMA,
        name=name,
        created=utc_now(),
        inputs_digest=digest,
        network=record.config.network,
        labels=record.labels,
        preprocess=record.preprocess,
        confidence=confidence,
        thresholds=thresholds,
        target=options.target,
        limits=options.limits,
        variants=variants,
        rejected=judgement.rejected,
        rungs=judgement.rungs,
        calibration=_calibration(calibration, options),
        changed=changed,
        evaluation=copy_evaluation(
            dataset.test,
            dataset.labels,
            folder,
            count=options.evaluation_photos,
            max_bytes=options.evaluation_bytes,
            seed=options.seed,
        ),
        golden_sha256=write_golden(
            folder, variants, dataset.test, preprocess=record.preprocess, machine=machine, seed=options.seed
        ),
        origin=Origin(record.name, record.inputs_digest, record.model_sha256, record.data_name),
        machine=machine,
        versions=export_versions(),
    )


def _calibration(drawn: CalibrationSet | None, options: ExportOptions) -> Calibration | None:
    if drawn is None:
        return None
    method = "; ".join(f"{name}: {METHODS[name]}" for name in options.formats)
    return Calibration(
        photos=len(drawn.photos),
        split="train",
        method=method,
        seed=drawn.seed,
        digest=drawn.digest,
        near_duplicates=drawn.near_duplicates,
        warnings=drawn.warnings,
    )
