"""TFLite files of a study's classifiers: float and int8, made once, with int8's accuracy measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from edgecls.data import Loaded, load_pixels
from edgecls.errors import DeviceError, EdgeclsError, ModelError
from edgecls.export.options import export_versions
from edgecls.files import new_folder, read_json, write_json
from edgecls.machine import Machine
from edgecls.metrics import Proportion, top1
from edgecls.progress import Announce, Tick
from edgecls.records import from_record, to_record
from edgecls.runs import read_run, run_model
from edgecls.splits import draw_stratified
from edgecls.studies.photos import SEED, open_limited
from edgecls.studies.planning import Cell
from edgecls.studies.work import Step
from edgecls.studies.workers import Send, call

CALIBRATION_PHOTOS = 100
DOCUMENT = "made.json"
FLOAT, INT8 = "model.float32.tflite", "model.int8.tflite"
BATCH = 16


@dataclass(frozen=True)
class Making:
    """One cell's run, and the folder its files shall lie in; `note` says why int8 is not tried (again)."""

    cell: Cell
    key: str
    run: Path
    target: Path
    limits: dict[str, int]
    threads: int
    machine: Machine
    note: str = ""


@dataclass(frozen=True)
class Made:
    """What was made, with which versions: sizes in bytes, and int8's accuracy on the cell's test photos.

    `note`: why there is none.
    """

    float_bytes: int
    int8_bytes: int | None
    int8_top1: Proportion | None
    note: str
    versions: dict[str, str]


def make_files(making: Making, hear: Callable[[Step], None]) -> Made:
    """Make the files, or find them; in a process of its own, since converter and quantizer can abort theirs.

    Where int8 could not be made it is tried again, the reason may be gone. Raises EdgeclsError when not even float
    could be made.
    """
    made = _find(making.target)
    if made is not None and not made.note:
        return made
    try:
        return _make_anew(making, hear)
    except EdgeclsError:
        if made is None:
            raise
        return made


def _make_anew(making: Making, hear: Callable[[Step], None]) -> Made:
    try:
        call(_make, making, threads=making.threads, hear=hear)
    except DeviceError as error:  # the process died; once more, without the quantizer
        if making.note:
            raise
        call(_make, replace(making, note=str(error)), threads=making.threads, hear=hear)
    return _read(making.target)


def _find(target: Path) -> Made | None:
    """What was made there before; with other versions, damaged, or with a file lost, it is nothing."""
    try:
        made = _read(target)
    except ModelError:
        return None
    if made.versions != export_versions():
        return None
    files = (FLOAT,) if made.note else (FLOAT, INT8)
    return made if all((target / name).is_file() for name in files) else None


def _read(target: Path) -> Made:
    return from_record(Made, read_json(target / DOCUMENT), str(target / DOCUMENT))


def _make(making: Making, send: Send) -> None:
    from edgecls.export.candidates import make_float

    def announce(description: str) -> Tick:
        return lambda done, total: send(Step(making.key, description, done, total))

    record = read_run(making.run)
    model = run_model(making.run, record)
    dataset = open_limited(making.cell.name.data, making.cell.root, making.limits)
    photos = draw_stratified(list(dataset.train), CALIBRATION_PHOTOS, seed=SEED)
    calibration = load_pixels(photos, record.preprocess)
    with new_folder(making.target, force=True, document=DOCUMENT) as folder:
        floats = make_float(
            model, folder, ("tflite",), photos=calibration.pixels, for_int8=True, announce=announce
        )
        size, accuracy, note = None, None, making.note
        if not note:
            note = _make_int8(floats[0].path, calibration, making, announce)
        if not note:
            test = load_pixels(dataset.test, record.preprocess)
            size = (folder / INT8).stat().st_size
            accuracy = _measure(
                folder / INT8, test, threads=making.threads, tick=announce("int8, test photos")
            )
        made = Made(floats[0].path.stat().st_size, size, accuracy, note, export_versions())
        for path in folder.iterdir():
            if path.name not in (FLOAT, INT8):
                path.unlink()
        write_json(folder / DOCUMENT, to_record(made))


def _make_int8(source: Path, calibration: Loaded, making: Making, announce: Announce) -> str:
    """Make INT8 beside `source`; the sentence that says why not, when that cannot be."""
    from edgecls.export.candidates import Candidate
    from edgecls.export.quantizing import make_int8

    origin, pixels = Candidate(source, "tflite", "float32"), calibration.pixels
    try:
        make_int8(origin, pixels, machine=making.machine, threads=making.threads, announce=announce)
    except EdgeclsError as error:
        return str(error)
    return ""


def _measure(path: Path, test: Loaded, *, threads: int, tick: Tick) -> Proportion:
    import numpy as np

    from edgecls.runtime.engine import open_engine

    engine = open_engine(path, threads=threads)
    answers = []
    for start in range(0, len(test), BATCH):
        answers.append(engine.run(test.pixels[start : start + BATCH]))
        tick(min(start + BATCH, len(test)), len(test))
    engine.close()
    return top1(np.concatenate(answers), test.truth)
