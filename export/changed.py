"""Changed photos: those of the test that int8 answers otherwise than float, kept small for a look."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edgecls.data import Loaded
from edgecls.export.judging import Tested
from edgecls.files import sha256_bytes
from edgecls.manifest import ChangedPhoto, int8_first
from edgecls.metrics import margins
from edgecls.preprocess import Pixels

FOLDER = "changed"
MOST = 24
SIDE = 128  # pixels of the longer side
QUALITY = 85


def write_changed(folder: Path, tested: Tested, test: Loaded) -> tuple[ChangedPhoto, ...]:
    """Write at most MOST photos to FOLDER/changed, of the first int8 variant, TFLite before ONNX.

    Those come first of which float was surest.
    """
    int8 = [variant for variant in tested.variants if variant.precision.startswith("int8")]
    if not int8:
        return ()
    variant = min(int8, key=lambda one: int8_first(one.format, one.precision))
    reference = tested.probabilities[f"model.float32.{variant.format}"]
    before, after = reference.argmax(axis=1), tested.probabilities[variant.file].argmax(axis=1)
    margin = margins(reference)
    different = np.flatnonzero(before != after)
    different = different[np.argsort(-margin[different], kind="stable")][:MOST]
    kept = []
    for number, i in enumerate(different):
        name, data = f"{FOLDER}/{number:02d}.jpg", _small(test.pixels[i])
        (folder / FOLDER).mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
        kept.append(
            ChangedPhoto(
                file=name,
                sha256=sha256_bytes(data),
                variant=variant.key,
                label=int(test.truth[i]),
                before=int(before[i]),
                after=int(after[i]),
                margin=float(margin[i]),
            )
        )
    return tuple(kept)


def _small(pixels: Pixels) -> bytes:
    """An RGB picture, (h, w, 3), as a small JPEG."""
    height, width = pixels.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), size, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
