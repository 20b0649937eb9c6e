"""Putting labels and Preprocess inside a model file, so that the file works alone."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from edgecls.errors import need
from edgecls.export.tflite_metadata import LABELS, add_metadata
from edgecls.records import to_record
from edgecls.runtime.engine import open_engine
from edgecls.runtime.model_file import CARD, Card

_FIXED_TIME = (1980, 1, 1, 0, 0, 0)  # the same model gives the same bytes on any day


def embed_card(path: Path, card: Card) -> None:
    """Write the card into a .tflite or .onnx, in place."""
    text = json.dumps(to_record(card), ensure_ascii=False, sort_keys=True)
    if path.suffix == ".tflite":
        _add_tflite_metadata(path, card)
        _append_zip(path, {CARD: text, LABELS: "\n".join(card.labels) + "\n"})
    else:
        _set_metadata(path, {CARD: text, "labels": "\n".join(card.labels)})


def _add_tflite_metadata(path: Path, card: Card) -> None:
    engine = open_engine(path)
    image, scores = engine.input, engine.output
    engine.close()
    path.write_bytes(add_metadata(path.read_bytes(), network=card.network, image=image, scores=scores))


def _append_zip(path: Path, members: dict[str, str]) -> None:
    """TFLite's associated files: a zip at the end of the flatbuffer, which readers of either skip."""
    with zipfile.ZipFile(path, "a") as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name, _FIXED_TIME), text)


def _set_metadata(path: Path, properties: dict[str, str]) -> None:
    onnx = need("onnx", "export")
    model = onnx.load(path)
    onnx.helper.set_model_props(model, properties)
    onnx.save(model, path)
