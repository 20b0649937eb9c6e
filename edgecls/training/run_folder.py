"""Finding, choosing and holding run folders: the complete run of the same inputs, the interrupted one, a new one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from edgecls.errors import EdgeclsError, ModelError, UsageError
from edgecls.files import (
    aside,
    check_replaceable,
    digest_json,
    discard_aside,
    put_back,
    read_json,
    sha256_file,
    utc_now,
    write_json,
)
from edgecls.locks import own
from edgecls.names import entries, next_name
from edgecls.networks.table import find_network
from edgecls.photos import DataSet
from edgecls.records import to_record
from edgecls.runs import DOCUMENT, MODEL, TrainingConfig, read_run, run_model

REQUEST = "request.json"  # says of an unfinished run which inputs it has
CHECKPOINT = "checkpoint"
LAYOUT = 2  # of the checkpoint's files; a run interrupted under another one cannot be gone on with


def inputs_digest(config: TrainingConfig, dataset: DataSet, versions: dict[str, str]) -> str:
    """Digest of everything that determines a run: configuration, weights, photos and split, versions."""
    record = to_record(config) | {"weights": weights_identity(config)}
    return digest_json({"config": record, "data": dataset.digest, "versions": versions})


def weights_identity(config: TrainingConfig) -> str:
    """The name of a source of weights, or the digest of a file: its path says nothing about what is in it.

    Raises ModelError for a file that cannot be read.
    """
    named = config.weights == "none" or config.weights in find_network(config.network).weights
    path = Path(config.weights)
    try:
        if named or not path.is_file():
            return config.weights
        found = path.stat()
        return f"sha256:{_file_digest(path, found.st_size, found.st_mtime_ns)}"
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error


@lru_cache
def _file_digest(path: Path, size: int, mtime_ns: int) -> str:
    """The digest of a file of that size and time: a study asks for that of a large one for every cell."""
    return sha256_file(path)


def find_complete(runs: Path, digest: str, name: str | None) -> Path | None:
    """The last complete run of these inputs, its model's digest checked; only `name` when that is given.

    A run whose model was deleted is passed over. Raises ModelError for one whose model was changed.
    """
    for folder in reversed(_folders(runs, name)):
        try:
            record = read_run(folder)
        except ModelError:
            continue  # a run of another version is no reason to fail; it is not this one
        complete = record.inputs_digest == digest and record.status == "complete"
        if complete and (folder / MODEL).is_file():
            run_model(folder, record)
            return folder
    return None


def _folders(runs: Path, name: str | None) -> list[Path]:
    return [runs / name] if name else entries(runs)


def choose_folder(runs: Path, digest: str, stem: str, *, name: str | None, resume: bool, force: bool) -> Path:
    """The folder of a new run, or of the interrupted one of these inputs when `resume` is asked.

    Raises UsageError for a name that is taken without `force`, or when there is nothing to resume.
    """
    if runs.exists() and not runs.is_dir():
        raise UsageError(f"{runs}: expected a folder for the runs, found a file; choose another with --runs")
    if resume:
        return _find_unfinished(runs, digest, name)
    folder = runs / (name or next_name(runs, stem))
    check_replaceable(folder, force=force, documents=(DOCUMENT, REQUEST))
    return folder


def _find_unfinished(runs: Path, digest: str, name: str | None) -> Path:
    """The last folder of an interrupted run of these inputs. Raises UsageError when there is none to go on with."""
    layouts = {folder: asked[1] for folder in _folders(runs, name) if (asked := _asked(folder))[0] == digest}
    readable = [folder for folder, layout in layouts.items() if layout == LAYOUT]
    if readable:
        return readable[-1]
    if layouts:
        raise UsageError(
            f"--resume: {list(layouts)[-1]} was interrupted under another version of edgecls, whose checkpoint this one "
            "cannot go on from; train again without --resume, with --force where it has the same --name"
        )
    raise UsageError(
        f"--resume: found no interrupted run of the same data and options under {runs}/; "
        "repeat the options of the run that was interrupted, or leave --resume out"
    )


def is_unfinished(folder: Path, digest: str) -> bool:
    """Whether `folder` holds an interrupted run of these inputs whose checkpoint this version can read."""
    return _asked(folder) == (digest, LAYOUT)


def _asked(folder: Path) -> tuple[object, object]:
    """The inputs and the checkpoint's layout of an unfinished run; both None of a request that cannot be read."""
    try:
        asked = read_json(folder / REQUEST)
    except ModelError:
        return None, None
    return (asked.get("inputs_digest"), asked.get("layout")) if isinstance(asked, dict) else (None, None)


def write_request(folder: Path, digest: str) -> None:
    """Say in `folder` which inputs the training has that is at work there."""
    request = {"inputs_digest": digest, "layout": LAYOUT, "created": utc_now(), "status": "started"}
    write_json(folder / REQUEST, request)


@contextmanager
def own_folder(folder: Path, digest: str, *, resume: bool, force: bool) -> Iterator[None]:
    """Keep other trainings from the name of a run, from the choice of it until the run is written.

    Raises EdgeclsError when another training is at work there, or has ended between our choice and our lock.
    """
    with _lock(folder):
        if resume and not is_unfinished(folder, digest):
            raise EdgeclsError(f"{folder} was finished by another training meanwhile; repeat the command")
        if not resume and not force and folder.exists():
            raise UsageError(f"{folder} was made by another training meanwhile; repeat the command")
        yield


def bring_back(runs: Path) -> list[Path]:
    """Give the runs their names back that a killed `train --force` had set aside, where nothing is in their place.

    Those are deleted whose successor is whole. Gives the names of the others: their successors are unfinished.
    """
    waiting = []
    for old in sorted(runs.glob(aside(runs / "*").name)):
        folder = runs / old.name.removeprefix(".").removesuffix(".old")
        # Where another training is at work it settles this itself, and where nothing can be written it stays.
        with suppress(EdgeclsError, OSError), _lock(folder):
            if (folder / DOCUMENT).is_file():
                discard_aside(folder)
            put_back(folder)
            if old.exists():
                waiting.append(folder)
    return waiting


def _lock(folder: Path) -> AbstractContextManager[None]:
    return own(folder, command="edgecls train", option="--runs")
