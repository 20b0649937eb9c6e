"""Photo and DataSet: labelled photos, split into training, validation and test."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from edgecls.errors import DataError, EdgeclsError
from edgecls.files import digest_json, sha256_bytes
from edgecls.images import decode_photo
from edgecls.labels import Labels
from edgecls.preprocess import Pixels

SPLITS = ("train", "validation", "test")


class PhotoChangedError(EdgeclsError):
    """A photo is not the one whose digest the data set has: what is computed now would bear a wrong key."""


@dataclass(frozen=True)
class Photo:
    """One labelled photo: a file, or a picture of an IDX file held in memory.

    `name` is unique in its data set; `digest` is the sha256 of the file's bytes (of the pixels for IDX).
    `pixels` are uint8, grey (h, w) or RGB (h, w, 3), only for IDX.
    """

    name: str
    label: int
    digest: str
    path: Path | None = None
    pixels: Pixels | None = field(default=None, repr=False, compare=False)

    def read(self) -> Pixels:
        """The picture as uint8 BGR, (h, w, 3).

        Raises DataError when it cannot be read, PhotoChangedError when its bytes are no longer those of its digest.
        """
        if self.pixels is not None:
            code = cv2.COLOR_GRAY2BGR if self.pixels.ndim == 2 else cv2.COLOR_RGB2BGR
            return np.asarray(cv2.cvtColor(self.pixels, code), np.uint8)
        return decode_photo(self._bytes(), str(self.path))

    def original(self) -> tuple[bytes, str]:
        """The file's own bytes and suffix; PNG for a picture of an IDX file. Raises DataError as `read`."""
        if self.pixels is not None:
            return cv2.imencode(".png", self.read())[1].tobytes(), ".png"
        data = self._bytes()
        decode_photo(data, str(self.path))
        assert self.path is not None
        return data, self.path.suffix.lower()

    def _bytes(self) -> bytes:
        """The file as it was when the data set was opened: what is computed of it is kept under its digest."""
        assert self.path is not None
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise DataError(
                f"{self.path}: cannot be read ({error.strerror}); check the data folder"
            ) from error
        if photo_digest(data) != self.digest:
            raise PhotoChangedError(f"{self.path}: the photo changed while it was used; repeat the command")
        return data


@dataclass(frozen=True)
class Problem:
    """A photo that was left out, and the sentence that says why."""

    name: str
    reason: str


@dataclass(frozen=True)
class DataSet:
    """Labelled photos in their three splits, and what was left out of them."""

    name: str
    root: Path
    labels: Labels
    train: tuple[Photo, ...]
    validation: tuple[Photo, ...]
    test: tuple[Photo, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def digest(self) -> str:
        """Digest of labels, split and every photo's bytes; the same wherever the folder lies."""
        splits = {split: sorted((p.digest, p.label) for p in self.split(split)) for split in SPLITS}
        return digest_json({"labels": self.labels.names, "splits": splits})

    def split(self, name: str) -> tuple[Photo, ...]:
        """The photos of "train", "validation" or "test"."""
        photos: tuple[Photo, ...] = getattr(self, name)
        return photos

    def counts(self) -> list[tuple[str, int, int, int]]:
        """A row for each class: label, and its photos in training, validation and test."""
        per_split = [Counter(photo.label for photo in self.split(split)) for split in SPLITS]
        return [(label, *(c[i] for c in per_split)) for i, label in enumerate(self.labels)]  # type: ignore[misc]


def check_classes(dataset: DataSet) -> DataSet:
    """Return `dataset`, or raise DataError when it cannot train a classifier."""
    if len(dataset.labels) < 2:
        raise DataError(
            f"{dataset.root}: expected at least 2 classes, found {len(dataset.labels)}; "
            "put the photos of each class in a folder of their own"
        )
    for label, *counts in dataset.counts():
        if counts[0] == 0:
            raise DataError(
                f"{dataset.root}: class '{label}' has no photo to train on ({sum(counts)} in all); "
                "a class needs at least 3, add photos or remove its folder"
            )
    for split in ("validation", "test"):
        if not dataset.split(split):
            raise DataError(
                f"{dataset.root}: the {split} split holds no photo; add photos or remove its folder"
            )
    return dataset


def photo_digest(data: bytes) -> str:
    """The digest by which photos are told apart."""
    return sha256_bytes(data)
