"""Golden answers: a few photos and what every variant said of them when it was measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgecls.bundle import GOLDEN
from edgecls.data import load_pixels
from edgecls.export.measure import score_file
from edgecls.files import sha256_file
from edgecls.machine import Machine
from edgecls.manifest import Variant
from edgecls.photos import Photo
from edgecls.preprocess import Preprocess
from edgecls.splits import draw_stratified

COUNT = 16


def write_golden(
    folder: Path,
    variants: tuple[Variant, ...],
    photos: tuple[Photo, ...],
    *,
    preprocess: Preprocess,
    machine: Machine,
    seed: int,
) -> str:
    """Write golden.npz into `folder` and return its digest."""
    loaded = load_pixels(draw_stratified(list(photos), COUNT, seed=seed), preprocess)
    answers = {
        v.file: score_file(folder / v.file, v.precision, loaded, machine=machine, threads=1).probabilities
        for v in variants
    }
    np.savez_compressed(folder / GOLDEN, pixels=loaded.pixels, **answers)  # type: ignore[arg-type]
    return sha256_file(folder / GOLDEN)
