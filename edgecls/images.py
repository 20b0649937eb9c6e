"""Reading pictures: a file or its bytes to OpenCV's uint8 BGR, or one sentence that says why not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edgecls.errors import DataError
from edgecls.preprocess import Pixels

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})


def read_photo(path: Path) -> Pixels:
    """Read one photo as uint8 BGR of shape (h, w, 3).

    EXIF rotation is applied; grey, CMYK, 16-bit and transparent pictures become 8-bit BGR.
    Raises DataError when the file is missing, empty, truncated or no picture.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    return decode_photo(data, str(path))


def decode_photo(data: bytes, name: str) -> Pixels:
    """Decode one photo's bytes as uint8 BGR of shape (h, w, 3).

    Raises DataError as `read_photo` does; `name` begins the message.
    """
    if not data:
        raise DataError(f"{name}: the file is empty (0 bytes); replace it or delete it")
    if _is_truncated(data):
        raise DataError(f"{name}: the picture ends too early, the file is truncated; copy it again")
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        picture = None
    if picture is None:
        raise DataError(f"{name}: expected a picture (JPEG, PNG, BMP, WebP, TIFF), found something else")
    return np.asarray(picture, np.uint8)


def _is_truncated(data: bytes) -> bool:
    """Say whether a JPEG lacks its end marker or a PNG its last chunk.

    OpenCV decodes a truncated JPEG without complaint and fills the rest with grey. The JPEG markers are
    those of ITU-T T.81 (SOS = FFDA, EOI = FFD9; inside coded data FF is always followed by 00 or a restart).
    """
    if data[:2] == b"\xff\xd8":
        return data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda") or b"\xff\xda" not in data
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return b"IEND" not in data[-32:]
    return False


def is_photo(path: Path) -> bool:
    """Say whether a path names a visible file with a picture's suffix."""
    return path.suffix.lower() in PHOTO_SUFFIXES and not path.name.startswith(".")


def natural_key(path: Path) -> tuple[object, ...]:
    """Sort key that is the same on every machine: by the path's parts."""
    return tuple(path.parts)
