"""Finding, choosing and holding run folders: the complete run of the same inputs, the interrupted one, a new one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgecls.errors import EdgeclsError, ModelError, UsageError
from edgecls.files import check_replaceable, digest_json, read_json, sha256_file, utc_now, write_json
from edgecls.locks import lock
from edgecls.names import next_name
from edgecls.networks.table import find_network
from edgecls.photos import DataSet
from edgecls.records import to_record
from edgecls.runs import DOCUMENT, MODEL, TrainingConfig, read_run, run_model

REQUEST = "request.json"  # says of an unfinished run which inputs it has
CHECKPOINT = "checkpoint"
LAYOUT = 2  # of the checkpoint's files; a run interrupted under another one cannot be gone on with
LOCK = ".lock"


def inputs_digest(config: TrainingConfig, dataset: DataSet, versions: dict[str, str]) -> str:
    """Digest of everything that determines a run: configuration, weights, photos and split, versions."""
    record = to_record(config) | {"weights": weights_identity(config)}
    return digest_json({"config": record, "data": dataset.digest, "versions": versions})


def weights_identity(config: TrainingConfig) -> str:
    """The name of a source of weights, or the digest of a file: its path says nothing about what is in it."""
    named = config.weights == "none" or config.weights in find_network(config.network).weights
    path = Path(config.weights)
    return config.weights if named or not path.is_file() else f"sha256:{sha256_file(path)}"


def find_complete(runs: Path, digest: str, name: str | None) -> Path | None:
    """The last complete run of these inputs, its model's digest checked; only `name` when that is given.

    A run whose model was deleted is passed over. Raises ModelError for one whose model was changed.
    """
    for document in sorted(runs.glob(f"{name or '*'}/{DOCUMENT}"), reverse=True):
        try:
            record = read_run(document.parent)
        except ModelError:
            continue  # a run of another version is no reason to fail; it is not this one
        complete = record.inputs_digest == digest and record.status == "complete"
        if complete and (document.parent / MODEL).is_file():
            run_model(document.parent, record)
            return document.parent
    return None


def choose_folder(runs: Path, digest: str, stem: str, *, name: str | None, resume: bool, force: bool) -> Path:
    """The folder of a new run, or of the interrupted one of these inputs when `resume` is asked.

    Raises UsageError for a name that is taken without `force`, or when there is nothing to resume.
    """
    if runs.exists() and not runs.is_dir():
        raise UsageError(f"{runs}: expected a folder for the runs, found a file; choose another with --runs")
    if resume:
        unfinished = _find_unfinished(runs, digest, name)
        if not unfinished:
            raise UsageError(
                f"--resume: found no interrupted run of the same data and options under {runs}/; "
                "repeat the options of the run that was interrupted, or leave --resume out"
            )
        return unfinished[-1]
    folder = runs / (name or next_name(runs, stem))
    check_replaceable(folder, force=force, documents=(DOCUMENT, REQUEST))
    return folder


def _find_unfinished(runs: Path, digest: str, name: str | None) -> list[Path]:
    """Folders of interrupted runs of these inputs."""
    requests = sorted(runs.glob(f"{name or '*'}/{REQUEST}"))
    return [request.parent for request in requests if is_unfinished(request.parent, digest)]


def is_unfinished(folder: Path, digest: str) -> bool:
    """Whether `folder` holds an interrupted run of these inputs whose checkpoint this version can read.

    A request that cannot be read is of another training.
    """
    try:
        asked = read_json(folder / REQUEST)
    except ModelError:
        return False
    return isinstance(asked, dict) and (asked.get("inputs_digest"), asked.get("layout")) == (digest, LAYOUT)


def write_request(folder: Path, digest: str) -> None:
    """Say in `folder` which inputs the training has that is at work there."""
    request = {"inputs_digest": digest, "layout": LAYOUT, "created": utc_now(), "status": "started"}
    write_json(folder / REQUEST, request)


@contextmanager
def own_folder(folder: Path) -> Iterator[None]:
    """Keep other trainings out of the folder of a run. Raises EdgeclsError when one is at work there."""
    with lock(
        folder / LOCK,
        f"{folder}: another `edgecls train` is at work there; wait until it has ended, then repeat the command",
    ):
        yield


@contextmanager
def own_unfinished(folder: Path, digest: str) -> Iterator[None]:
    """The same for a run that is gone on with. Raises EdgeclsError when another training has just finished it."""
    with own_folder(folder):
        if not is_unfinished(folder, digest):
            raise EdgeclsError(f"{folder} was finished by another training meanwhile; repeat the command")
        yield
