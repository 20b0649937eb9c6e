"""Selection: which model file a user means, from a bundle, a name, a file, or nothing at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgecls.bundle import Bundle, find_bundle
from edgecls.errors import UsageError
from edgecls.runtime.engine import ENGINES
from edgecls.runtime.model_file import ModelFile

MODEL_SUFFIXES = (".tflite", ".onnx")


@dataclass(frozen=True)
class Selection:
    """The model file to run, and the bundle it lies in unless it stands alone."""

    model: ModelFile
    bundle: Bundle | None

    @property
    def description(self) -> str:
        """For a person, e.g. "bundles/lite0-groceries-001 (tflite int8)"."""
        path, variant = self.model.path, self.model.variant
        return f"{path.parent} ({variant.key})" if variant else str(path)


def select_model(
    given: str | None,
    *,
    file: Path | None = None,
    format: str | None = None,
    precision: str | None = None,
    engine: str | None = None,
) -> Selection:
    """Find the model: `file` (or a `given` that is a model file) stands alone, else a variant of a bundle.

    `given` is a bundle as `find_bundle` takes it. An engine that runs one format only decides the format.
    Raises UsageError when nothing fits, ModelError when the bundle or the file is not as expected.
    """
    if given is not None and Path(given).suffix in MODEL_SUFFIXES:
        given, file = _one_of(given, file)
    if file is not None:
        return _alone(file, given, format, precision)
    bundle = Bundle.open(find_bundle(given))
    variant = bundle.variant(format=format or _format_of(engine), precision=precision)
    return Selection(ModelFile.from_bundle(bundle, variant), bundle)


def _one_of(given: str, file: Path | None) -> tuple[None, Path]:
    if file is not None:
        raise UsageError(f"expected one model, found {given} and {file}; leave one of them out")
    return None, Path(given)


def _alone(file: Path, given: str | None, format: str | None, precision: str | None) -> Selection:
    if given is not None or format is not None or precision is not None:
        raise UsageError(
            f"{file} is one model by itself; leave the bundle, --format and --precision out, or leave it out"
        )
    return Selection(ModelFile.from_file(file), None)


def _format_of(engine: str | None) -> str | None:
    """The format an engine runs. Names that are no engine are left to `open_engine`, which says so."""
    format = ENGINES.get(engine or "", "any")
    return None if format == "any" else format
