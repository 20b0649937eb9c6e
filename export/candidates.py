"""Making the candidates: one float conversion, then int8 files from it, all with labels and Preprocess inside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgecls.devices.profile import DeviceProfile
from edgecls.export.convert import convert_float
from edgecls.export.embed import embed_card
from edgecls.export.int8_onnx import prepare_onnx
from edgecls.machine import SATURATING, Machine
from edgecls.preprocess import Pixels
from edgecls.progress import Announce
from edgecls.runtime.model_file import Card


@dataclass(frozen=True)
class Candidate:
    """A model file that was made, not yet judged. `failure` says why there is no file, `unquantized` as in Rung."""

    path: Path
    format: str
    precision: str
    failure: str = ""
    unquantized: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Short name, e.g. "tflite int8"."""
        return f"{self.format} {self.precision}"


def make_float(
    model: Path,
    folder: Path,
    formats: tuple[str, ...],
    *,
    photos: Pixels,
    for_int8: bool,
    announce: Announce,
) -> list[Candidate]:
    """Convert once to each format, as FOLDER/model.float32.FORMAT; `for_int8` as `convert_float` does.

    Raises ModelError as `convert_float`.
    """
    tick = announce("converting to float " + " and ".join(formats))
    tick(0, 1)
    convert_float(model, folder, formats, photos, for_int8=for_int8)
    candidates = [Candidate(folder / f"model.float32.{name}", name, "float32") for name in formats]
    for candidate in candidates:
        _finish(folder / f"float32.{candidate.format}", candidate.path)
    tick(1, 1)
    return candidates


def _finish(converted: Path, target: Path) -> None:
    if target.suffix == ".onnx":
        prepare_onnx(converted, target)
    else:
        converted.rename(target)


def int8_precisions(format: str, machine: Machine, target: DeviceProfile | None) -> tuple[str, ...]:
    """What int8 is made of a format: for the target's arithmetic, or else for boards and for this machine.

    ONNX for x86 without VNNI ("int8-avx2") has weights of 7 bits: two products with pixels of 8 bits are at most
    2 * 255 * 64 = 32640, which 16 bits hold. So it gives the same sums on every machine, and any may measure it.
    """
    if format != "onnx":
        return ("int8",)
    if target is not None:
        return ("int8-avx2",) if target.int8_dot == SATURATING else ("int8",)
    return ("int8", "int8-avx2") if machine.saturates else ("int8",)


def embed_cards(candidates: list[Candidate], card: Callable[[str], Card]) -> None:
    """Put `card(precision)` into every file."""
    for candidate in candidates:
        embed_card(candidate.path, card(candidate.precision))
