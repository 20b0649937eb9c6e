"""Conversion in a child process: however it ends badly, one sentence comes of it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgecls.errors import MissingDependencyError, ModelError
from edgecls.export import convert
from edgecls.export.convert import ANSWERS, convert_float
from edgecls.export.evaluation_photos import copy_evaluation
from edgecls.labels import Labels
from edgecls.photos import Photo, PhotoChangedError, photo_digest

pytestmark = pytest.mark.xdist_group("export")

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), np.uint8)
TINY = Path(__file__).parents[1] / "data" / "tiny"


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a shell script in place of the Python that would convert; what runs is a real process."""

    def use(script: str) -> None:
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(path))

    return use


def attempt(tmp_path: Path, formats: tuple[str, ...] = ("tflite", "onnx")) -> dict[str, float]:
    return convert_float(tmp_path / "model.keras", tmp_path, formats, PIXELS)


@pytest.mark.parametrize("name", ["ABRT", "SEGV"])
def test_a_converter_that_dies_by_a_signal_is_one_sentence(
    tmp_path: Path, worker: Callable[[str], None], name: str
) -> None:
    worker(f"echo 'LLVM ERROR: checkTransferSharedPtr' >&2; kill -{name} $$")
    with pytest.raises(
        ModelError, match=rf"model.keras: the converter aborted \(SIG{name}: LLVM ERROR.*try one format"
    ):
        attempt(tmp_path)


@pytest.mark.parametrize("end", ["kill -KILL $$", "echo 'MemoryError: 3 GiB' >&2; exit 1"])
def test_a_converter_without_enough_memory_says_so(
    tmp_path: Path, worker: Callable[[str], None], end: str
) -> None:
    worker(end)
    with pytest.raises(ModelError, match=r"model.keras: .* want of memory; close other programs, or"):
        attempt(tmp_path)


def test_weights_that_are_no_numbers_are_named_by_their_layer(trained: Any, tmp_path: Path) -> None:
    import keras

    model = keras.models.load_model(trained.folder / "model.keras", compile=False)
    layer = next(layer for layer in model.layers if layer.get_weights())
    kernel, *others = layer.get_weights()
    layer.set_weights([np.where(kernel == kernel.max(), np.nan, kernel), *others])
    model.save(tmp_path / "model.keras")
    with pytest.raises(
        ModelError, match=rf"NaN or infinite ones in 1 layers, the first '{layer.name}': .* train"
    ):
        convert_float(tmp_path / "model.keras", tmp_path, ("tflite",), PIXELS)
    assert not (tmp_path / "float32.tflite").exists()


def test_a_converter_that_fails_silently_says_so(tmp_path: Path, worker: Callable[[str], None]) -> None:
    worker("exit 3")
    with pytest.raises(ModelError, match=r"cannot be converted to tflite, onnx \(no message\)"):
        attempt(tmp_path)


def test_a_package_that_the_converter_lacks_is_named_with_its_extra(
    tmp_path: Path, worker: Callable[[str], None]
) -> None:
    worker("""echo "ModuleNotFoundError: No module named 'tf2onnx'" >&2; exit 1""")
    with pytest.raises(MissingDependencyError, match=r"tf2onnx.*pip install 'edgecls\[train,export\]'"):
        attempt(tmp_path)


def test_a_converter_that_hangs_is_ended(
    tmp_path: Path, worker: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert, "TIMEOUT_S", 0.3)
    worker("exec sleep 60")
    with pytest.raises(ModelError, match=r"took longer than 0.3 s and was ended"):
        attempt(tmp_path)


def test_a_file_that_is_no_model_is_one_sentence_from_the_real_converter(tmp_path: Path) -> None:
    pytest.importorskip("keras", reason="needs the train extra")
    (tmp_path / "model.keras").write_bytes(b"no model")
    with pytest.raises(ModelError) as caught:
        attempt(tmp_path)
    assert "cannot be converted" in str(caught.value)
    assert "model.keras" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_answers_otherwise_than_keras_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pretend(model: Path, folder: Path, formats: tuple[str, ...], *, for_int8: bool) -> None:
        shutil.copy(TINY / "tiny.float32.tflite", folder / "float32.tflite")
        np.save(folder / ANSWERS, answers)

    from edgecls.runtime.engine import open_engine

    answers = open_engine(TINY / "tiny.float32.tflite").run(PIXELS)
    monkeypatch.setattr(convert, "_run_worker", pretend)
    assert attempt(tmp_path, ("tflite",))["tflite"] < 1e-6
    answers[2, 0] += 0.01
    with pytest.raises(
        ModelError, match=r"within 0.001, found a difference of 0.01; the conversion is wrong"
    ):
        attempt(tmp_path, ("tflite",))
    answers[2, 0] = np.nan
    with pytest.raises(ModelError, match="the conversion is wrong"):
        attempt(tmp_path, ("tflite",))


@pytest.fixture
def held_out(tmp_path: Path, photo: Callable[..., bytes]) -> list[Photo]:
    found = []
    for label in range(2):
        for i in range(6):
            path = tmp_path / f"{label}-{i}.PNG"
            path.write_bytes(photo(label, i, suffix=".png"))
            found.append(Photo(path.name, label, photo_digest(path.read_bytes()), path))
    return found


LABELS = Labels(("a", "b"))


def rewritten(photo: Photo, data: bytes) -> Photo:
    """The photo as a data set lists it whose file holds these bytes."""
    assert photo.path is not None
    photo.path.write_bytes(data)
    return replace(photo, digest=photo_digest(data))


def test_evaluation_photos_stay_within_their_megabytes(tmp_path: Path, held_out: list[Photo]) -> None:
    one = max(len(p.original()[0]) for p in held_out)
    few = copy_evaluation(held_out, LABELS, tmp_path / "b", count=12, max_bytes=3 * one, seed=0)
    assert len(few) == 3
    assert sum((tmp_path / "b" / p.file).stat().st_size for p in few) <= 3 * one


def test_an_evaluation_photo_that_changed_ends_the_copying(tmp_path: Path, held_out: list[Photo]) -> None:
    rewritten(held_out[0], b"another picture")
    with pytest.raises(PhotoChangedError, match="the photo changed while it was used"):
        copy_evaluation(held_out, LABELS, tmp_path / "b", count=50, max_bytes=1 << 20, seed=0)


def test_an_evaluation_photo_that_is_none_is_passed_over(tmp_path: Path, held_out: list[Photo]) -> None:
    held_out[0] = rewritten(held_out[0], b"no picture")
    copied = copy_evaluation(held_out, LABELS, tmp_path / "b", count=50, max_bytes=1 << 20, seed=0)
    assert len(copied) == 11
    assert all(p.file.endswith(".png") for p in copied)
    assert all((tmp_path / "b" / p.file).is_file() for p in copied)


@pytest.mark.parametrize("seed", range(4))
def test_an_evaluation_photo_over_the_limit_does_not_end_the_copying(
    tmp_path: Path, held_out: list[Photo], seed: int
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    for i in (0, 6):
        held_out[i] = rewritten(held_out[i], cv2.imencode(".png", noise)[1].tobytes())
    copied = copy_evaluation(held_out, LABELS, tmp_path / "b", count=12, max_bytes=1 << 16, seed=seed)
    assert len(copied) == 10
    assert sum((tmp_path / "b" / p.file).stat().st_size for p in copied) <= 1 << 16


def test_a_users_folder_named_like_a_package_does_not_stand_in_its_way(
    tmp_path: Path, worker: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sys.executable
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "__init__.py").write_text("raise SystemExit('the user\\'s onnx was imported')\n")
    monkeypatch.chdir(tmp_path)
    worker(f'"{real}" -c "import onnx" && echo "found the package" >&2; exit 1')
    with pytest.raises(ModelError, match="found the package"):
        attempt(tmp_path)


@pytest.mark.parametrize("name", ["tflite", "onnx"])
def test_a_converted_file_that_no_engine_takes_sends_to_the_other_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def pretend(model: Path, folder: Path, formats: tuple[str, ...], *, for_int8: bool) -> None:
        (folder / f"float32.{name}").write_bytes(b"no operator of this name")
        np.save(folder / ANSWERS, np.zeros((1, 1), np.float32))

    monkeypatch.setattr(convert, "_run_worker", pretend)
    with pytest.raises(ModelError, match=rf"converted to {name}, but its engine .*; export the other format"):
        attempt(tmp_path, (name,))
