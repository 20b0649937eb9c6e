"""Reading pictures: every kind a photo folder holds becomes 8-bit BGR, or one sentence that says why not."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgecls.errors import DataError
from edgecls.images import decode_photo, is_photo, read_photo

Image = pytest.importorskip("PIL.Image", reason="needs Pillow, which the report extra brings")

RED, GREEN, BLUE, GREY = (200, 30, 40), (30, 180, 50), (20, 40, 210), (90, 90, 90)


def quarters(width: int = 32, height: int = 16):  # type: ignore[no-untyped-def]
    """A picture with another colour in each corner, so that no rotation or mirroring goes unseen."""
    picture = Image.new("RGB", (width, height))
    for i, colour in enumerate((RED, GREEN, BLUE, GREY)):
        box = (i % 2 * width // 2, i // 2 * height // 2)
        picture.paste(colour, (*box, box[0] + width // 2, box[1] + height // 2))
    return picture


def encoded(picture, format: str, **options: object) -> bytes:  # type: ignore[no-untyped-def]
    stream = io.BytesIO()
    picture.save(stream, format=format, **options)
    return stream.getvalue()


def corners(pixels: np.ndarray) -> list[tuple[int, ...]]:
    """RGB at the middle of each quarter: top left, top right, bottom left, bottom right."""
    h, w = pixels.shape[:2]
    rows, columns = (h // 4, 3 * h // 4), (w // 4, 3 * w // 4)
    return [tuple(int(value) for value in pixels[y, x, ::-1]) for y in rows for x in columns]


def assert_close(found: list[tuple[int, ...]], expected: list[tuple[int, ...]], tolerance: int = 6) -> None:
    assert np.abs(np.array(found) - np.array(expected)).max() <= tolerance, (found, expected)


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("JPEG", {"quality": 98}),
        ("JPEG", {"quality": 98, "progressive": True}),
        ("PNG", {}),
        ("BMP", {}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {}),
        ("PPM", {}),
    ],
)
def test_colour_pictures_become_bgr(format: str, options: dict[str, object]) -> None:
    pixels = decode_photo(encoded(quarters(), format, **options), "x")
    assert pixels.dtype == np.uint8
    assert pixels.shape == (16, 32, 3)
    assert_close(corners(pixels), [RED, GREEN, BLUE, GREY])


def test_a_cmyk_jpeg_keeps_its_colours() -> None:
    # CMYK of libjpeg and of OpenCV convert without a colour profile: near, not equal.
    pixels = decode_photo(encoded(quarters().convert("CMYK"), "JPEG", quality=98), "x")
    assert_close(corners(pixels), [RED, GREEN, BLUE, GREY], tolerance=12)


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_a_grey_picture_becomes_three_equal_channels(format: str) -> None:
    pixels = decode_photo(encoded(quarters().convert("L"), format), "x")
    assert pixels.shape == (16, 32, 3)
    assert (pixels == pixels[..., :1]).all()


def test_a_transparent_picture_loses_its_alpha_and_keeps_its_colours() -> None:
    picture = quarters()
    picture.putalpha(77)
    pixels = decode_photo(encoded(picture, "PNG"), "x")
    assert pixels.shape == (16, 32, 3)
    assert corners(pixels) == [RED, GREEN, BLUE, GREY]


def test_a_palette_picture_becomes_bgr() -> None:
    pixels = decode_photo(encoded(quarters().quantize(8), "PNG"), "x")
    assert_close(corners(pixels), [RED, GREEN, BLUE, GREY])


def test_a_16_bit_picture_becomes_8_bit_by_its_high_byte() -> None:
    values = np.array([[[0x1234, 0xABCD, 0xFF00]]], np.uint16)
    data = cv2.imencode(".png", values)[1].tobytes()
    pixels = decode_photo(data, "x")
    assert pixels.dtype == np.uint8
    assert np.abs(pixels[0, 0].astype(int) - [0x12, 0xAB, 0xFF]).max() <= 1


# EXIF 2.3, tag 0x0112: where the first row and column of the stored picture belong in the upright one. The
# value is the order in which the stored corners appear once the picture stands upright.
UPRIGHT = {
    1: (RED, GREEN, BLUE, GREY),
    2: (GREEN, RED, GREY, BLUE),
    3: (GREY, BLUE, GREEN, RED),
    4: (BLUE, GREY, RED, GREEN),
    5: (RED, BLUE, GREEN, GREY),
    6: (BLUE, RED, GREY, GREEN),
    7: (GREY, GREEN, BLUE, RED),
    8: (GREEN, GREY, RED, BLUE),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_photo_stands_upright_whatever_way_the_camera_was_held(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = decode_photo(encoded(quarters(), "JPEG", quality=98, subsampling=0, exif=exif), "x")
    assert pixels.shape == ((16, 32, 3) if orientation < 5 else (32, 16, 3))
    assert_close(corners(pixels), list(UPRIGHT[orientation]))


def test_zero_bytes_are_named_as_such() -> None:
    with pytest.raises(DataError, match=r"^photo\.jpg: the file is empty \(0 bytes\)"):
        decode_photo(b"", "photo.jpg")


def noise() -> bytes:
    """A picture whose bytes are spread evenly, so that a cut anywhere cuts pixels."""
    values = np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    return cv2.imencode(".png", values)[1].tobytes()


def as_format(format: str, **options: object) -> bytes:
    return encoded(Image.open(io.BytesIO(noise())), format, **options)


@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
@pytest.mark.parametrize(
    ("format", "options"),
    [("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {}), ("TIFF", {}), ("BMP", {})],
)
def test_a_truncated_picture_is_refused(format: str, options: dict[str, object], share: float) -> None:
    data = as_format(format, **options)
    with pytest.raises(DataError, match=r"^x: "):
        decode_photo(data[: int(len(data) * share)], "x")


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_truncation_is_named_as_such(format: str) -> None:
    with pytest.raises(DataError, match="truncated; copy it again"):
        decode_photo(as_format(format)[:-40], "x")


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_bytes_after_the_end_are_no_truncation(format: str) -> None:
    # Phones append a film ("motion photo") whose bytes can look like the start of a scan.
    data = as_format(format) + b"\x00\x00\x00\x18ftypmp42" + b"\xff\xda" * 9 + bytes(64)
    assert decode_photo(data, "x").shape == (64, 64, 3)


def test_a_thumbnail_inside_a_truncated_photo_does_not_hide_the_truncation() -> None:
    thumbnail = encoded(quarters(), "JPEG")
    exif = b"Exif\x00\x00" + thumbnail
    data = as_format("JPEG")
    whole = data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:]
    assert decode_photo(whole, "x").shape == (64, 64, 3)
    with pytest.raises(DataError, match="truncated"):
        decode_photo(whole[:-40], "x")


@pytest.mark.parametrize("data", [b"hello, I am a text file", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"%PDF-1.7"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(DataError, match=r"^notes\.jpg: "):
        decode_photo(data, "notes.jpg")


@pytest.mark.parametrize("name", ["Äpfel und Birnen.jpg", "写真.png", 'a\'b "c".bmp'])
def test_names_with_spaces_quotes_and_any_script_are_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(encoded(quarters(), "PNG"))
    assert corners(read_photo(path)) == [RED, GREEN, BLUE, GREY]


def test_a_missing_file_is_named() -> None:
    with pytest.raises(DataError, match=r"nowhere\.jpg: cannot be read .*check the path"):
        read_photo(Path("nowhere.jpg"))


def test_a_folder_is_no_photo(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_photo(tmp_path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.JPG", True),
        ("a.webp", True),
        (".a.jpg", False),
        ("a.txt", False),
        ("jpg", False),
        ("._a.jpg", False),
    ],
)
def test_photos_are_told_by_suffix_and_hidden_files_passed_over(name: str, expected: bool) -> None:
    assert is_photo(Path(name)) is expected
