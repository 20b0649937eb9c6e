"""What the user asked of an export, and the digest that finds an earlier one of the same inputs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from edgecls import __version__
from edgecls.bundle import Bundle
from edgecls.errors import MissingDependencyError, ModelError
from edgecls.export.evaluation_photos import COUNT, MAX_BYTES
from edgecls.files import digest_json
from edgecls.machine import Machine
from edgecls.manifest import FORMATS, Limits
from edgecls.manifest_file import DOCUMENT, read_manifest
from edgecls.runs import RunRecord

# Raise it with any change after which the same run, options and packages make other files.
RECIPE = 2

_PACKAGES = (
    "tensorflow-cpu",
    "tensorflow",
    "keras",
    "litert-quantizer",
    "ai-edge-litert",
    "tf2onnx",
    "onnx",
    "onnxruntime",
)


@dataclass(frozen=True)
class ExportOptions:
    """Formats and precision wanted, the gate, and how many photos do what.

    `named` says that the formats were asked for by name. `target` is the name of a device profile whose arithmetic
    int8 is made for; "" means boards and this machine. `also` names lighter precisions, of LIGHTER.
    `effort`, of EFFORTS in ladder.py, says how far up int8 may climb. `min_precision` is the share of the answers above
    their threshold that should be right. `evaluation_bytes` bounds the photos carried along.
    """

    int8: bool = True
    formats: tuple[str, ...] = FORMATS
    named: bool = False
    target: str = ""
    also: tuple[str, ...] = ()
    effort: str = "normal"
    limits: Limits = field(default_factory=Limits)
    min_precision: float = 0.9
    calibration_photos: int = 200
    evaluation_photos: int = COUNT
    evaluation_bytes: int = MAX_BYTES
    seed: int = 0
    threads: int = 2


def require_packages(options: ExportOptions) -> None:
    """Raise MissingDependencyError for a package that these options need, before any work is done."""
    needed = ["keras", "tensorflow"]
    if "onnx" in options.formats:
        needed += ["tf2onnx", "onnx", "onnxruntime"]
    if (options.int8 or options.also) and "tflite" in options.formats:
        needed.append("litert_quantizer")
    absent = [name for name in needed if find_spec(name) is None]
    if absent:
        raise MissingDependencyError(
            f"export needs {', '.join(absent)}, found none installed; "
            "install with: pip install 'edgecls[train,export]', or choose one --format"
        )


def export_versions() -> dict[str, str]:
    """Versions of all that has a part in an export, RECIPE among them."""
    found = {"edgecls": __version__, "recipe": str(RECIPE)}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def inputs_digest(record: RunRecord, options: ExportOptions, machine: Machine) -> str:
    """Digest of everything that determines a bundle. Threads and `named` change no answer and are left out."""
    wanted = {key: value for key, value in asdict(options).items() if key not in ("threads", "named")}
    return digest_json(
        {
            "run": record.inputs_digest,
            "model": record.model_sha256,
            "options": wanted,
            "arithmetic": machine.int8_dot,
            "versions": export_versions(),
        }
    )


def find_unchanged(bundles: Path, digest: str, name: str | None) -> Bundle | None:
    """The newest bundle of the same inputs; only `name` when that is given."""
    for document in sorted(bundles.glob(f"{name or '*'}/{DOCUMENT}"), reverse=True):
        if document.parent.name.startswith("."):
            continue  # of an export that was killed just before its end
        try:
            manifest = read_manifest(document.parent)
        except ModelError:
            continue  # a bundle of another version is no reason to fail; it is not this one
        if manifest.inputs_digest == digest:
            return Bundle(document.parent, manifest)
    return None
