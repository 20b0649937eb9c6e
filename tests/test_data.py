"""Opening data of either layout, and loading pixels: a bad photo is listed, a good one is never lost."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecls import data
from edgecls.data import count_photos, load_pixels, open_data
from edgecls.errors import DataError, UsageError
from edgecls.files import sha256_bytes, sha256_file
from edgecls.images import read_photo
from edgecls.photos import Photo, PhotoChangedError
from edgecls.preprocess import Preprocess

MakePhoto = Callable[..., bytes]
PlantPhotos = Callable[..., Path]

SMALL = Preprocess(16, 16)


@pytest.fixture
def photos(tmp_path: Path, plant: PlantPhotos) -> list[Photo]:
    """Twenty photos of two classes, 0 and 1 in turn."""
    root = plant(tmp_path / "data", {"a": 10, "b": 10})
    return [
        Photo(
            f"{name}/{i:03d}.jpg",
            label,
            sha256_file(root / name / f"{i:03d}.jpg"),
            root / name / f"{i:03d}.jpg",
        )
        for i in range(10)
        for label, name in enumerate("ab")
    ]


def test_a_tree_of_photos_is_opened(tmp_path: Path, plant: PlantPhotos) -> None:
    assert open_data(plant(tmp_path / "data", {"a": 5, "b": 5})).labels.names == ("a", "b")


def test_idx_files_are_opened(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 4, 4), np.uint8)
    header = struct.pack(">4I", 0x803, 20, 4, 4)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, 20) + bytes(range(2)) * 10)
    assert open_data(tmp_path).labels.names == ("0", "1")


def test_a_missing_folder_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a folder"):
        open_data(tmp_path / "nowhere")


def test_a_folder_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 300)  # whose name no file system takes: this fails for root too
    for read in (open_data, count_photos):
        with pytest.raises(DataError, match=r"cannot be read \(File name too long\); check its permissions"):
            read(folder)


def test_pixels_are_loaded_in_order_as_preprocess_gives_them(photos: list[Photo]) -> None:
    loaded = load_pixels(photos, SMALL)
    assert loaded.pixels.shape == (20, 16, 16, 3)
    assert loaded.pixels.dtype == np.uint8
    assert loaded.truth.tolist() == [0, 1] * 10
    assert loaded.truth.dtype == np.int64
    assert loaded.photos == tuple(photos)
    assert photos[7].path is not None
    assert np.array_equal(loaded.pixels[7], SMALL.apply(read_photo(photos[7].path)))


def damaged(photo: Photo, how: str) -> Photo:
    """The photo with a damage that was there when its data set was opened; or that came afterwards."""
    assert photo.path is not None
    whole = photo.path.read_bytes()
    if how == "gone":
        photo.path.unlink()
        return photo
    data = {
        "truncated": whole[: len(whole) // 2],
        "no picture": b"hello",
        "empty": b"",
        "other": whole + b"x",
    }[how]
    photo.path.write_bytes(data)
    return photo if how == "other" else replace(photo, digest=sha256_bytes(data))


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("truncated", "truncated"),
        ("no picture", "expected a picture"),
        ("empty", "0 bytes"),
        ("gone", "cannot be read"),
    ],
)
def test_a_bad_photo_is_listed_and_the_others_keep_their_labels(
    photos: list[Photo], how: str, words: str
) -> None:
    whole = load_pixels(photos, SMALL)
    for i in (0, 5, 19):
        photos[i] = damaged(photos[i], how)
    loaded = load_pixels(photos, SMALL)
    good = [i for i in range(20) if i not in (0, 5, 19)]
    assert [problem.name for problem in loaded.problems] == [photos[i].name for i in (0, 5, 19)]
    assert all(words in problem.reason for problem in loaded.problems)
    assert loaded.photos == tuple(photos[i] for i in good)
    assert np.array_equal(loaded.pixels, whole.pixels[good])
    assert np.array_equal(loaded.truth, whole.truth[good])


def test_a_photo_that_changed_since_the_data_set_was_opened_ends_the_work(photos: list[Photo]) -> None:
    damaged(photos[5], "other")
    with pytest.raises(PhotoChangedError, match=r"002.jpg: the photo changed while it was used; repeat"):
        load_pixels(photos, SMALL)


def test_when_no_photo_can_be_read_the_first_reason_is_given(photos: list[Photo]) -> None:
    empty = [damaged(photo, "empty") for photo in photos]
    with pytest.raises(DataError, match=r"none of 20 photos could be read: .*000.jpg: the file is empty"):
        load_pixels(empty, SMALL)


def test_no_photos_at_all_is_an_error() -> None:
    with pytest.raises(DataError, match="none of 0 photos could be read: there are none"):
        load_pixels([], SMALL)


def test_progress_ends_with_all_photos(photos: list[Photo]) -> None:
    photos[19] = damaged(photos[19], "empty")
    heard: list[tuple[int, int]] = []
    load_pixels(photos, SMALL, lambda done, total: heard.append((done, total)))
    assert heard == [(16, 20), (20, 20)]


def test_pixels_beyond_the_memory_limit_lie_in_a_file_and_are_the_same(
    photos: list[Photo], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_memory = load_pixels(photos, SMALL)
    monkeypatch.setattr(data, "IN_MEMORY_BYTES", 1000)
    on_disk = load_pixels(photos, SMALL)
    assert isinstance(on_disk.pixels, np.memmap)
    assert not isinstance(in_memory.pixels, np.memmap)
    assert np.array_equal(on_disk.pixels, in_memory.pixels)


def test_the_original_of_a_photo_is_the_bytes_of_its_file(photos: list[Photo]) -> None:
    assert photos[0].path is not None
    assert photos[0].original() == (photos[0].path.read_bytes(), ".jpg")
    photos[0] = damaged(photos[0], "truncated")
    with pytest.raises(DataError, match="truncated"):
        photos[0].original()
