"""Finding and choosing run folders: the complete run of the same inputs, the interrupted one, a new one."""

from __future__ import annotations

from pathlib import Path

from edgecls.errors import ModelError, UsageError
from edgecls.files import check_replaceable, digest_json, read_json
from edgecls.names import next_name
from edgecls.photos import DataSet
from edgecls.records import to_record
from edgecls.runs import DOCUMENT, TrainingConfig, read_run, run_model

REQUEST = "request.json"  # says of an unfinished run which inputs it has
CHECKPOINT = "checkpoint"


def inputs_digest(config: TrainingConfig, dataset: DataSet, versions: dict[str, str]) -> str:
    """Digest of everything that determines a run: configuration, photos and split, versions."""
    return digest_json({"config": to_record(config), "data": dataset.digest, "versions": versions})


def find_complete(runs: Path, digest: str, name: str | None) -> Path | None:
    """The newest complete run of these inputs, its model's digest checked; only `name` when that is given."""
    for document in sorted(runs.glob(f"{name or '*'}/{DOCUMENT}"), reverse=True):
        try:
            record = read_run(document.parent)
        except ModelError:
            continue  # a run of another version is no reason to fail; it is not this one
        if record.inputs_digest == digest and record.status == "complete":
            run_model(document.parent, record)
            return document.parent
    return None


def choose_folder(runs: Path, digest: str, stem: str, *, name: str | None, resume: bool, force: bool) -> Path:
    """The folder of a new run, or of the interrupted one of these inputs when `resume` is asked.

    Raises UsageError for a name that is taken without `force`, or when there is nothing to resume.
    """
    if runs.exists() and not runs.is_dir():
        raise UsageError(f"{runs}: expected a folder for the runs, found a file; choose another with --runs")
    unfinished = [
        request.parent
        for request in sorted(runs.glob(f"{name or '*'}/{REQUEST}"))
        if read_json(request).get("inputs_digest") == digest
    ]
    if resume:
        if not unfinished:
            raise UsageError(
                f"--resume: found no interrupted run of the same data and options under {runs}/; "
                "repeat the options of the run that was interrupted, or leave --resume out"
            )
        return unfinished[-1]
    folder = runs / (name or next_name(runs, stem))
    check_replaceable(folder, force=force, documents=(DOCUMENT, REQUEST))
    return folder
