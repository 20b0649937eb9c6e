"""Made archives of CIFAR-10, CIFAR-100, STL-10 and MNIST become pictures the right way up and their own classes."""

from __future__ import annotations

import dataclasses
import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgecls.errors import DataError
from edgecls.idx import read_idx, read_idx_folder, write_idx
from edgecls.samples.catalogue import find_known
from edgecls.samples.cifar import read_cifar10, read_cifar100
from edgecls.samples.known import KnownData
from edgecls.samples.mnist import read_mnist
from edgecls.samples.stl import read_stl10

if TYPE_CHECKING:
    from tests.samples.conftest import Made


def known_as(name: str, train: int, test: int) -> KnownData:
    """A known data set of fewer pictures, whose bytes nobody knows."""
    return dataclasses.replace(find_known(name), counts=(train, 0, test), digests=())


def test_both_sources_of_cifar10_give_the_same_bytes_in_the_archives_order(
    tmp_path: Path, made: type[Made]
) -> None:
    known = find_known("cifar10")
    binary = read_cifar10(made.write_files(tmp_path / "a", made.cifar10_binary()), known)
    package = read_cifar10(made.write_files(tmp_path / "b", made.cifar10_package()), known)
    expected = [made.cifar_pictures(batch) for batch in range(1, 7)]
    for arrays in (binary, package):
        assert np.array_equal(arrays.train.pixels, np.concatenate([pixels for pixels, _ in expected[:5]]))
        assert np.array_equal(arrays.train.numbers, np.concatenate([numbers for _, numbers in expected[:5]]))
        assert np.array_equal(arrays.test.pixels, expected[5][0])
        assert arrays.labels[3] == "cat"


def test_cifar100_takes_the_fine_label_the_second_byte(tmp_path: Path) -> None:
    names = [f"thing_{i}" for i in range(100)]
    record = bytes([7, 42]) + bytes([10]) * 1024 + bytes([20]) * 1024 + bytes([30]) * 1024
    (tmp_path / "fine_label_names.txt").write_text("\n".join(names) + "\n")
    for split in ("train", "test"):
        (tmp_path / f"{split}.bin").write_bytes(record * 3)
    arrays = read_cifar100(tmp_path, find_known("cifar100"))
    assert arrays.labels[arrays.train.numbers[0]] == "thing_42"
    assert arrays.test.pixels.shape == (3, 32, 32, 3)
    assert arrays.test.pixels[0, 5, 6].tolist() == [10, 20, 30]


def test_stl10_is_turned_upright_and_its_classes_count_from_0(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    planes = b"".join(picture[:, :, channel].T.tobytes() for channel in range(3))  # column by column
    for split in ("train", "test"):
        (tmp_path / f"{split}_X.bin").write_bytes(planes * 2)
        (tmp_path / f"{split}_y.bin").write_bytes(bytes([1, 10]))
    arrays = read_stl10(tmp_path, find_known("stl10"))
    assert np.array_equal(arrays.train.pixels[1], picture)
    assert [arrays.labels[number] for number in arrays.test.numbers] == ["airplane", "truck"]


@pytest.mark.parametrize("name", ["{}-ubyte", "{}-ubyte.gz", "inner/{}-ubyte"])
def test_mnist_is_found_plain_packed_and_in_a_folder(tmp_path: Path, name: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 28, 28), np.uint8)
    for split in ("train", "t10k"):
        for kind, values in (("images-idx3", pixels), ("labels-idx1", np.arange(20, dtype=np.uint8) % 10)):
            path = tmp_path / name.format(f"{split}-{kind}")
            path.parent.mkdir(exist_ok=True)
            write_idx(path, values)
            if path.suffix == ".gz":
                path.write_bytes(gzip.compress(path.read_bytes()))
    arrays = read_mnist(tmp_path, find_known("mnist"))
    assert np.array_equal(arrays.test.pixels, pixels)
    assert arrays.train.numbers[13] == 3


def test_what_is_written_is_read_as_a_data_set_with_its_classes(tmp_path: Path, made: type[Made]) -> None:
    arrays = read_cifar10(made.write_files(tmp_path / "a", made.cifar10_package()), find_known("cifar10"))
    out = tmp_path / "out"
    out.mkdir()
    arrays.write(known_as("cifar10", 100, 20), out)
    dataset = read_idx_folder(out, seed=0)
    assert dataset.labels.names == find_known("cifar10").labels
    assert sum(len(dataset.split(split)) for split in ("train", "validation", "test")) == 120
    assert np.array_equal(dataset.test[0].read()[:, :, ::-1], made.cifar_pictures(6)[0][0])
    assert np.array_equal(read_idx(out / "train-labels-idx1-ubyte", 1), np.tile(np.arange(20) % 10, 5))


def test_another_number_of_pictures_is_refused(tmp_path: Path, made: type[Made]) -> None:
    arrays = read_cifar10(made.write_files(tmp_path, made.cifar10_binary()), find_known("cifar10"))
    with pytest.raises(
        DataError, match="expected 50000x32x32x3 for train-images-idx4-ubyte, found 100x32x32x3"
    ):
        arrays.write(find_known("cifar10"), tmp_path)


DAMAGED = {
    "data_batch_3.bin": (None, "expected data_batch_3.bin in it, found none"),
    "data_batch_4.bin": (b"x" * 3072, "data_batch_4.bin: expected records of 3073 bytes, found 3072"),
    "test_batch.bin": (b"", "test_batch.bin: expected records of 3073 bytes, found 0"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_batch_is_one_sentence(tmp_path: Path, made: type[Made], name: str) -> None:
    made.write_files(tmp_path, made.cifar10_binary())
    path = tmp_path / "cifar-10-batches-bin" / name
    data, words = DAMAGED[name]
    path.unlink() if data is None else path.write_bytes(data)
    with pytest.raises(DataError, match=words):
        read_cifar10(tmp_path, find_known("cifar10"))


@pytest.mark.parametrize("text", ["{", '["cat"]', "[-1, 2]", "[[1], [2]]", '{"a": 1}'])
def test_labels_of_the_package_that_are_no_class_numbers_are_refused(
    tmp_path: Path, made: type[Made], text: str
) -> None:
    made.write_files(tmp_path, {**made.cifar10_package(), "package/train_lables.json": text.encode()})
    with pytest.raises(DataError, match=r"train_lables.json: expected"):
        read_cifar10(tmp_path, find_known("cifar10"))


def test_a_class_beyond_the_known_ones_is_refused(tmp_path: Path, made: type[Made]) -> None:
    files = made.cifar10_binary()
    files["cifar-10-batches-bin/test_batch.bin"] = (
        bytes([10]) + files["cifar-10-batches-bin/test_batch.bin"][1:]
    )
    arrays = read_cifar10(made.write_files(tmp_path, files), find_known("cifar10"))
    with pytest.raises(DataError, match="expected 10 classes, found 11"):
        arrays.write(known_as("cifar10", 100, 20), tmp_path)
