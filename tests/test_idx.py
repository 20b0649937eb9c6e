"""IDX files, plain and gzip, whole and damaged."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgecls.errors import DataError
from edgecls.idx import FASHION, has_idx_files, read_idx, read_idx_folder, write_idx
from edgecls.photos import SPLITS

CLASSES = 4


def idx(values: np.ndarray) -> bytes:
    """The bytes of an IDX file of uint8 (http://yann.lecun.com/exdb/mnist/, "FILE FORMATS")."""
    return bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def pictures(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 8, 6), np.uint8)


def numbers(count: int, classes: int = CLASSES) -> np.ndarray:
    return (np.arange(count) % classes).astype(np.uint8)


def write(root: Path, *, gz: bool = False, count: int = 40, classes: int = CLASSES) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for seed, (prefix, n) in enumerate((("train", count), ("t10k", count // 2))):
        for name, values in (
            ("images-idx3", pictures(n, seed)),
            ("labels-idx1", numbers(n, classes)),
        ):
            data = gzip.compress(idx(values)) if gz else idx(values)
            (root / f"{prefix}-{name}-ubyte{'.gz' if gz else ''}").write_bytes(data)
    return root


@pytest.mark.parametrize("gz", [False, True])
def test_pictures_and_labels_are_read_plain_and_gzip(tmp_path: Path, gz: bool) -> None:
    dataset = read_idx_folder(write(tmp_path / "mnist", gz=gz), seed=0)
    assert has_idx_files(tmp_path / "mnist")
    assert dataset.labels.names == ("0", "1", "2", "3")
    assert [len(dataset.split(split)) for split in SPLITS] == [32, 8, 20]
    third = dataset.test[3]
    assert (third.label, third.name.rsplit("#")[1]) == (3, "3")
    assert np.array_equal(third.read()[:, :, 0], pictures(20, 1)[3])


def test_a_grey_picture_is_read_as_three_equal_channels(tmp_path: Path) -> None:
    picture = read_idx_folder(write(tmp_path), seed=0).train[0].read()
    assert picture.shape == (8, 6, 3)
    assert np.array_equal(picture[:, :, 0], picture[:, :, 1])
    assert np.array_equal(picture[:, :, 0], picture[:, :, 2])


def test_the_original_of_a_picture_is_a_lossless_png(tmp_path: Path) -> None:
    photo = read_idx_folder(write(tmp_path), seed=0).test[0]
    data, suffix = photo.original()
    assert suffix == ".png"
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert decoded is not None
    assert np.array_equal(decoded, pictures(20, 1)[0])


def test_plain_and_gzip_files_give_the_same_split(tmp_path: Path) -> None:
    plain = read_idx_folder(write(tmp_path / "a"), seed=3)
    packed = read_idx_folder(write(tmp_path / "b", gz=True), seed=3)
    assert plain.digest == packed.digest


def test_a_picture_in_colour_is_read_as_blue_green_red(tmp_path: Path) -> None:
    colours = np.random.default_rng(2).integers(0, 256, (40, 8, 6, 3), np.uint8)
    for prefix, values in (("train", colours), ("t10k", colours[::-1] // 2)):
        (tmp_path / f"{prefix}-images-idx4-ubyte").write_bytes(idx(values))
        (tmp_path / f"{prefix}-labels-idx1-ubyte").write_bytes(idx(numbers(40)))
    dataset = read_idx_folder(tmp_path, seed=0)
    assert np.array_equal(dataset.test[0].read(), (colours[39] // 2)[:, :, ::-1])


@pytest.mark.parametrize("shape", [(7,), (5, 4, 3), (5, 4, 3, 3)])
def test_what_is_written_is_what_is_read(tmp_path: Path, shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    write_idx(tmp_path / "file", values[::-1])
    assert (tmp_path / "file").read_bytes() == idx(values[::-1])
    assert np.array_equal(read_idx(tmp_path / "file", len(shape)), values[::-1])


def test_labels_txt_names_the_classes(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "labels.txt").write_text("null\neins\nzwei\nfünf\n\n", encoding="utf-8")
    assert read_idx_folder(tmp_path, seed=0).labels.names == ("null", "eins", "zwei", "fünf")


def test_labels_txt_with_another_number_of_names_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "labels.txt").write_text("one\ntwo\n")
    with pytest.raises(DataError, match=r"labels.txt: expected 4 names, found 2"):
        read_idx_folder(tmp_path, seed=0)


def test_labels_txt_in_another_encoding_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "labels.txt").write_bytes("a\nb\nc\nfünf\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"labels.txt: expected text in UTF-8"):
        read_idx_folder(tmp_path, seed=0)


def test_fashion_mnist_gets_its_own_names(tmp_path: Path) -> None:
    dataset = read_idx_folder(write(tmp_path / "Fashion-MNIST", count=60, classes=10), seed=0)
    assert dataset.labels.names == FASHION


def test_a_picture_of_training_and_test_stays_in_the_test(tmp_path: Path) -> None:
    write(tmp_path)
    both = pictures(40)
    both[8] = pictures(20, 1)[0]
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(both))
    dataset = read_idx_folder(tmp_path, seed=0)
    assert [problem.name for problem in dataset.problems] == ["train-images-idx3-ubyte#8"]
    assert len(dataset.test) == 20


WHOLE = idx(pictures(40))


@pytest.mark.parametrize(
    ("damaged", "words"),
    [
        (b"", "expected an IDX file of bytes in 3 dimensions"),
        (WHOLE[:9], "expected an IDX file of bytes in 3 dimensions"),
        (idx(numbers(40)), "expected an IDX file of bytes in 3 dimensions"),
        (b"\x00\x00\x0d\x03" + WHOLE[4:], "expected an IDX file of bytes in 3 dimensions"),
        (WHOLE[:-1], "expected 1920 bytes of data, found 1919"),
        (WHOLE + b"x", "expected 1920 bytes of data, found 1921"),
        (gzip.compress(WHOLE)[:-20], "cannot be read"),
        (gzip.compress(WHOLE)[:10] + b"\xff" * 40 + gzip.compress(WHOLE)[50:], "cannot be read"),
        (idx(pictures(39)), "expected as many labels as pictures, found 40 and 39"),
        (idx(np.zeros((0, 8, 6), np.uint8)), "expected pictures, found none"),
        (idx(np.zeros((40, 0, 6), np.uint8)), "expected pictures, found none"),
    ],
    ids=[
        "empty",
        "header",
        "labels",
        "floats",
        "short",
        "long",
        "cut-gz",
        "torn-gz",
        "count",
        "none",
        "flat",
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path: Path, damaged: bytes, words: str) -> None:
    write(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(damaged)
    with pytest.raises(DataError, match=f"train-images-idx3-ubyte: .*{words}"):
        read_idx_folder(tmp_path, seed=0)


def test_missing_labels_name_the_file_that_is_expected(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match=r"expected its labels in t10k-labels-idx1-ubyte\[.gz\]"):
        read_idx_folder(tmp_path, seed=0)


def test_a_test_split_alone_is_not_enough(tmp_path: Path) -> None:
    write(tmp_path)
    for path in tmp_path.glob("train-*"):
        path.unlink()
    with pytest.raises(DataError, match="expected train-images-idx3-ubyte"):
        read_idx_folder(tmp_path, seed=0)


def test_a_folder_of_photos_is_no_idx_folder(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    assert not has_idx_files(tmp_path)
    assert not has_idx_files(tmp_path / "missing")
