"""Reading pictures: a file or its bytes to OpenCV's uint8 BGR, or one sentence that says why not."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np

from edgecls.errors import DataError
from edgecls.preprocess import Pixels

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

# In coded data FF is followed by 00 or by a restart marker, D0 to D7; FF FF is padding, FF 01 has no length.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")


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
    """Say whether a JPEG or PNG ends before its own end marker; bytes after that marker do not matter.

    OpenCV decodes a truncated JPEG without complaint and fills the rest with grey.
    """
    if data.startswith(b"\xff\xd8"):
        return not _reaches_jpeg_end(data)
    if data.startswith(PNG_SIGNATURE):
        return not _reaches_png_end(data)
    return False


def _reaches_jpeg_end(data: bytes) -> bool:
    """Follow the markers of ITU-T T.81, annex B, up to EOI.

    Looking for the last EOI is not enough: thumbnails have their own, and the film that phones append to a
    photo holds any bytes.
    """
    at = 2
    while marker := _JPEG_MARKER.search(data, at):
        if marker[0] == b"\xff\xd9":
            return True
        at = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
    return False


def _reaches_png_end(data: bytes) -> bool:
    """Follow the chunks of the PNG specification, section 5.3: length, kind, data, checksum."""
    at, kind = len(PNG_SIGNATURE), b""
    while kind != b"IEND" and at + 12 <= len(data):
        kind = data[at + 4 : at + 8]
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return kind == b"IEND"


def is_photo(path: Path) -> bool:
    """Say whether a path names a visible file with a picture's suffix."""
    return path.suffix.lower() in PHOTO_SUFFIXES and not path.name.startswith(".")


def natural_key(path: Path) -> tuple[object, ...]:
    """Sort key that is the same on every machine: by the path's parts."""
    return tuple(path.parts)
