"""ModelFile: a model file with the labels and Preprocess it travels with, from a bundle or on its own.

Every file edgecls exports carries labels and Preprocess inside: a .tflite in a zip appended to its end (the
place where TFLite keeps associated files), an .onnx in its metadata_props.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

from edgecls.bundle import Bundle
from edgecls.errors import ModelError, need
from edgecls.labels import Labels
from edgecls.manifest import Variant
from edgecls.prediction import check_temperature
from edgecls.preprocess import Preprocess
from edgecls.records import from_record

CARD = "edgecls.json"  # the zip member, and the key of metadata_props


@dataclass(frozen=True)
class Card:
    """What a single model file says about itself."""

    network: str
    labels: tuple[str, ...]
    preprocess: Preprocess
    precision: str
    temperature: float
    thresholds: tuple[float, ...]


@dataclass(frozen=True)
class ModelFile:
    """A model file ready to be opened by an engine."""

    path: Path
    card: Card
    variant: Variant | None = None  # None: a single file, never measured here

    @property
    def labels(self) -> Labels:
        return Labels(self.card.labels)

    @classmethod
    def from_bundle(cls, bundle: Bundle, variant: Variant) -> ModelFile:
        """A variant of a bundle, its digest checked."""
        m = bundle.manifest
        card = Card(
            m.network, m.labels, m.preprocess, variant.precision, m.confidence.temperature,
            m.thresholds.values,
        )  # fmt: skip
        return cls(bundle.variant_path(variant), card, variant)

    @classmethod
    def from_file(cls, path: Path) -> ModelFile:
        """A single .tflite or .onnx. Raises ModelError when it carries no labels, or thresholds that do not fit them."""
        if not path.is_file():
            raise ModelError(f"{path}: expected a model file, found nothing there; check the path")
        text = _tflite_card(path) if path.suffix == ".tflite" else _onnx_card(path)
        if text is None:
            raise ModelError(
                f"{path}: expected labels and Preprocess inside the file, found none; "
                "use a file made by: edgecls export"
            )
        try:
            record = json.loads(text)
        except ValueError as error:
            raise ModelError(f"{path}: its metadata is not JSON ({error}); export it again") from error
        model = cls(path, from_record(Card, record, str(path)))
        model.labels.check_thresholds(model.card.thresholds, str(path))
        check_temperature(model.card.temperature, str(path))
        return model


def _tflite_card(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(CARD).decode()
    except (zipfile.BadZipFile, KeyError):
        return None


def _onnx_card(path: Path) -> str | None:
    ort = need("onnxruntime", "onnx")
    try:
        session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own
        raise ModelError(f"{path}: not an ONNX model this engine can load; export it again") from error
    value = session.get_modelmeta().custom_metadata_map.get(CARD)
    return str(value) if value is not None else None
