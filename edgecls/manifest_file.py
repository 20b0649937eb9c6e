"""manifest.json: a bundle's Manifest as a file, and everything that is checked when it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgecls.errors import DataError, ModelError
from edgecls.files import read_json, write_json
from edgecls.labels import Labels
from edgecls.manifest import FORMATS, PRECISIONS, SCHEMA, EvaluationPhoto, Manifest, Variant
from edgecls.prediction import check_temperature
from edgecls.records import from_record, to_record

DOCUMENT = "manifest.json"


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write manifest.json into `folder`."""
    write_json(folder / DOCUMENT, to_record(manifest))


def read_manifest(folder: Path) -> Manifest:
    """Read and check `folder`/manifest.json.

    Raises ModelError for a newer schema, an unknown or missing key, a wrong type, labels that stand
    twice or do not fit an output, the thresholds or a photo, a temperature that is none, and a file outside the folder.
    """
    path = folder / DOCUMENT
    record = read_json(path)
    _check_schema(record, path)
    manifest = from_record(Manifest, record, str(path))
    labels = _labels(manifest, path)
    if not manifest.variants:
        raise ModelError(f"{path}: expected at least one model file, found none; make the bundle anew")
    for variant in manifest.variants:
        _check_variant(variant, labels, path)
    labels.check_thresholds(manifest.thresholds.values, str(path))
    check_temperature(manifest.confidence.temperature, str(path))
    for photo in manifest.evaluation:
        _check_photo(photo, labels, path)
    for changed in manifest.changed:
        _check_inside(changed.file, path)
        for index in (changed.label, changed.before, changed.after):
            _check_label(changed.file, index, labels, path)
    return manifest


def _labels(manifest: Manifest, path: Path) -> Labels:
    try:
        return Labels(manifest.labels)
    except DataError as error:
        raise ModelError(f"{path}: {error}") from error


def _check_variant(variant: Variant, labels: Labels, path: Path) -> None:
    _check_inside(variant.file, path)
    if variant.format not in FORMATS or variant.precision not in PRECISIONS:
        raise ModelError(
            f"{path}: unknown variant '{variant.key}'; make the bundle anew with: edgecls export"
        )
    if not variant.output.shape:
        raise ModelError(f"{path}: {variant.file} gives one number, expected scores; make the bundle anew")
    labels.check_outputs(variant.output.shape[-1], f"{path}: {variant.file}")


def _check_photo(photo: EvaluationPhoto, labels: Labels, path: Path) -> None:
    _check_inside(photo.file, path)
    _check_label(photo.file, photo.label, labels, path)


def _check_label(file: str, label: int, labels: Labels, path: Path) -> None:
    if not 0 <= label < len(labels):
        raise ModelError(
            f"{path}: {file} has label {label}, expected one of {len(labels)} classes; "
            "make the bundle anew with: edgecls export"
        )


def _check_schema(record: Any, path: Path) -> None:
    found = record.get("schema") if isinstance(record, dict) else None
    if not isinstance(found, int):
        raise ModelError(
            f"{path}: expected a bundle's manifest with a schema number, found none; make it anew"
        )
    if found != SCHEMA:
        advice = "upgrade edgecls here" if found > SCHEMA else "make it anew with: edgecls export"
        raise ModelError(f"{path}: expected schema {SCHEMA}, found {found}; {advice}")


def _check_inside(name: str, path: Path) -> None:
    parts = Path(name).parts
    if not parts or Path(name).is_absolute() or ".." in parts:
        raise ModelError(f"{path}: expected a file inside the bundle, found '{name}'; do not use this bundle")
