"""RunRecord: everything a training run says about itself, and which photos it saw."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgecls.errors import DataError, ModelError
from edgecls.files import read_json, sha256_file, write_json
from edgecls.idx import has_idx_files, read_idx_folder
from edgecls.images import is_photo
from edgecls.labels import Labels
from edgecls.machine import Machine
from edgecls.metrics import Proportion
from edgecls.names import resolve
from edgecls.photos import SPLITS, DataSet, Photo, photo_digest
from edgecls.preprocess import Preprocess
from edgecls.records import from_record, to_record

SCHEMA = 4
DOCUMENT = "run.json"
SPLITS_DOCUMENT = "splits.json"
MODEL = "model.keras"
SCORES = "scores.npz"
ALL_LAYERS = "all"  # instead of a first layer
RUNS = Path("runs")


@dataclass(frozen=True)
class TrainingConfig:
    """What the user asked of a training run.

    Sizes are pixels, `width` multiplies channels, `augment` counts views, `cutout` is a share of their side. `weights`
    is the name of a source or the path of a file. `learning_rate` is that of the head and of scratch, `fine_tune_rate`
    and `fine_tune_epochs` belong to the stage that trains a network which has weights, `schedule` to every stage
    that trains the network itself. `norm` says whether fine-tuning keeps or trains batch normalisation, `keep` whether
    a stage ends with the weights of its best or of its last epoch.
    """

    network: str
    width: float
    weights: str
    regime: str
    head: str
    unfreeze: str | None
    norm: str
    size: int
    crop: str
    epochs: int
    fine_tune_epochs: int
    patience: int
    keep: str
    batch_size: int
    optimizer: str
    schedule: str
    learning_rate: float
    fine_tune_rate: float
    weight_decay: float
    dropout: float
    augment: int
    flip: bool
    cutout: float
    balance: str
    precision: str
    seed: int


History = dict[str, tuple[float | None, ...]]  # one value an epoch; None where it diverged: JSON has no NaN


@dataclass(frozen=True)
class RunRecord:
    """Contents of run.json.

    `status` is "complete" or "interrupted". `history` is that of loss, accuracy, val_loss and val_accuracy.
    `matrix` counts the test photos: row = true class, column = predicted class. `seconds` tells how long the epochs,
    all of the training, and all of it with scoring took.
    """

    schema: int
    name: str
    created: str
    status: str
    inputs_digest: str
    config: TrainingConfig
    data_name: str
    data_root: str
    data_digest: str
    labels: tuple[str, ...]
    preprocess: Preprocess
    weights_from: str
    parameters: int
    model_sha256: str
    best_epoch: int
    history: History
    validation: Proportion
    test: Proportion
    matrix: tuple[tuple[int, ...], ...]
    photos: dict[str, int]
    problems: tuple[str, ...]
    seconds: dict[str, float]
    machine: Machine
    versions: dict[str, str]


def write_run(folder: Path, record: RunRecord) -> None:
    """Write run.json into `folder`."""
    write_json(folder / DOCUMENT, to_record(record))


def read_run(folder: Path) -> RunRecord:
    """Read `folder`/run.json. Raises ModelError when it is absent, of another schema or not as expected."""
    path = folder / DOCUMENT
    record = read_json(path)
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        found = record.get("schema") if isinstance(record, dict) else None
        raise ModelError(f"{path}: expected a run of schema {SCHEMA}, found {found}; train again")
    return from_record(RunRecord, record, str(path))


def run_model(folder: Path, record: RunRecord) -> Path:
    """Path of the run's model.keras. Raises ModelError when it is missing or not as recorded."""
    path = folder / MODEL
    if not path.is_file():
        raise ModelError(f"{path}: the run's model is missing; train again or restore the file")
    found = sha256_file(path)
    if found != record.model_sha256:
        raise ModelError(
            f"{path}: expected sha256 {record.model_sha256[:12]}..., found {found[:12]}...; "
            "the file was changed, train again or restore it"
        )
    return path


def find_run(given: str | None) -> Path:
    """The run a user means: a path, a name below ./runs, or the newest complete one."""
    return resolve(given, folder=RUNS, document=DOCUMENT, what="run", make="edgecls train DATA")


def write_splits(folder: Path, dataset: DataSet) -> None:
    """Record which photo was in which split: name, label and digest."""
    splits = {split: [[p.name, p.label, p.digest] for p in dataset.split(split)] for split in SPLITS}
    write_json(folder / SPLITS_DOCUMENT, splits)


def recall_data(folder: Path, record: RunRecord, *, root: Path | None = None) -> DataSet:
    """The data set of a run, each photo in the split it had; photos added since are not in it.

    `root` says where the data lies now, if it was moved. Raises DataError when a photo is gone or changed.
    """
    root = root or Path(record.data_root)
    if not root.is_dir():
        raise DataError(
            f"{root}: the run's photos are not there any more; say where they are with --data DIR"
        )
    listed = from_record(
        dict[str, tuple[tuple[str, int, str], ...]],
        read_json(folder / SPLITS_DOCUMENT),
        str(folder / SPLITS_DOCUMENT),
    )
    if set(listed) != set(SPLITS):
        raise ModelError(
            f"{folder / SPLITS_DOCUMENT}: expected the splits {', '.join(SPLITS)}, "
            f"found {', '.join(listed) or 'none'}; restore the file or train again"
        )
    others = _Others(root, record.config.seed)
    splits = {
        split: tuple(_recall(root, name, label, digest, others) for name, label, digest in listed[split])
        for split in SPLITS
    }
    return DataSet(
        record.data_name, root, Labels(record.labels), splits["train"], splits["validation"], splits["test"]
    )


def _idx_photos(root: Path, seed: int) -> dict[str, Photo]:
    if not has_idx_files(root):
        return {}
    dataset = read_idx_folder(root, seed=seed)
    return {photo.name: photo for split in SPLITS for photo in dataset.split(split)}


def _recall(root: Path, name: str, label: int, digest: str, others: _Others) -> Photo:
    photo = others.in_memory.get(name)
    if photo is None:
        path = root / name
        if not path.is_file():
            path = others.renamed(digest) or path
        if not path.is_file():
            raise DataError(f"{path}: the run saw this photo but it is gone; restore it or train again")
        photo = Photo(name, label, photo_digest(path.read_bytes()), path)
    if photo.digest != digest:
        raise DataError(
            f"{root / name}: the photo has changed since the run saw it; restore it or train again"
        )
    return photo


class _Others:
    """The photos of a data folder that cannot be found by their path: in IDX files, or renamed since."""

    def __init__(self, root: Path, seed: int) -> None:
        self._root = root
        self._by_digest: dict[str, Path] | None = None
        self.in_memory = _idx_photos(root, seed)

    def renamed(self, digest: str) -> Path | None:
        """The file with these bytes, wherever it lies now; all files are read once, when first asked."""
        if self._by_digest is None:
            files = (path for path in sorted(self._root.rglob("*")) if path.is_file() and is_photo(path))
            self._by_digest = {photo_digest(path.read_bytes()): path for path in files}
        return self._by_digest.get(digest)
