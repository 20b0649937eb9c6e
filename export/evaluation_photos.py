"""The held-out photos that travel in a bundle, so that a device can measure accuracy too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgecls.errors import DataError
from edgecls.files import sha256_bytes
from edgecls.labels import Labels
from edgecls.manifest import EvaluationPhoto
from edgecls.names import slug
from edgecls.photos import Photo
from edgecls.splits import draw_stratified

FOLDER = "evaluation"
COUNT = 200
MAX_BYTES = 25 * 1024 * 1024


def copy_evaluation(
    photos: Sequence[Photo], labels: Labels, folder: Path, *, count: int, max_bytes: int, seed: int
) -> tuple[EvaluationPhoto, ...]:
    """Copy about `count` photos, stratified, original bytes, at most `max_bytes` of them in all.

    They lie in FOLDER/evaluation/CLASS/NNNN.jpg and are returned as the manifest lists them.
    """
    copied: list[EvaluationPhoto] = []
    total = 0
    for photo in draw_stratified(list(photos), count, seed=seed):
        try:
            data, suffix = photo.original()
        except DataError:
            continue  # it was listed when the run read its photos
        if total + len(data) > max_bytes:
            continue
        total += len(data)
        name = f"{FOLDER}/{photo.label:03d}_{slug(labels[photo.label])}/{len(copied):04d}{suffix}"
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        copied.append(EvaluationPhoto(name, photo.label, sha256_bytes(data)))
    return tuple(copied)
