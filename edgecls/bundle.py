"""Bundle: a folder that holds model files, held-out photos, golden answers and the manifest of them all."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import ModelError, UsageError
from edgecls.files import sha256_file
from edgecls.labels import Labels
from edgecls.manifest import Manifest, Variant
from edgecls.manifest_file import DOCUMENT, read_manifest
from edgecls.names import resolve
from edgecls.preprocess import Pixels

GOLDEN = "golden.npz"
REPORTS = "reports"
BUNDLES = Path("bundles")


@dataclass(frozen=True)
class Golden:
    """A few preprocessed photos and the probabilities each variant gave when it was measured.

    `pixels`: uint8 RGB, (n, h, w, 3). `probabilities`: variant file name -> float32, (n, classes).
    """

    pixels: Pixels
    probabilities: dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Bundle:
    """An opened bundle: its folder and its checked manifest."""

    folder: Path
    manifest: Manifest

    @classmethod
    def open(cls, folder: Path) -> Bundle:
        """Read the manifest of `folder`. Raises ModelError as `read_manifest` does."""
        return cls(folder, read_manifest(folder))

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def labels(self) -> Labels:
        return Labels(self.manifest.labels)

    def file(self, name: str, sha256: str) -> Path:
        """Path of a file of the bundle, its digest checked. Raises ModelError when it is not as recorded."""
        path = self.folder / name
        if not path.is_file():
            raise ModelError(f"{path}: the manifest names this file but it is missing; copy the bundle again")
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise ModelError(
                f"{path}: expected a file inside the bundle, found a link out of it; do not use it"
            )
        found = sha256_file(path)
        if found != sha256:
            raise ModelError(
                f"{path}: expected sha256 {sha256[:12]}..., found {found[:12]}...; "
                "the file was changed, copy the bundle again"
            )
        return path

    def variant_path(self, variant: Variant) -> Path:
        return self.file(variant.file, variant.sha256)

    def golden(self) -> Golden:
        """Read golden.npz, digest checked."""
        path = self.file(GOLDEN, self.manifest.golden_sha256)
        with np.load(path, allow_pickle=False) as arrays:
            expected = {key: arrays[key] for key in arrays.files if key != "pixels"}
            return Golden(arrays["pixels"], expected)

    def variant_of(self, file: str) -> Variant:
        """The variant whose file this is."""
        (variant,) = (one for one in self.manifest.variants if one.file == file)
        return variant

    def variant(self, *, format: str | None = None, precision: str | None = None) -> Variant:
        """The variant asked for; by default int8 TFLite, then other TFLite, then ONNX.

        Raises UsageError naming what is there when nothing fits.
        """
        fitting = [
            v
            for v in self.manifest.variants
            if format in (None, v.format) and precision in (None, v.precision)
        ]
        if not fitting:
            there = ", ".join(v.key for v in self.manifest.variants)
            asked = " ".join(part for part in (format, precision) if part)
            raise UsageError(
                f"{self.folder}: expected a variant '{asked}', found {there}; choose one of these"
            )
        return min(fitting, key=lambda v: (v.format != "tflite", v.precision != "int8", v.precision))


def find_bundle(given: str | None) -> Path:
    """The bundle a user means: a path, a name below ./bundles, $EDGECLS_BUNDLE, or the newest one."""
    chosen = given or os.environ.get("EDGECLS_BUNDLE") or None
    return resolve(chosen, folder=BUNDLES, document=DOCUMENT, what="bundle", make="edgecls export --int8")
