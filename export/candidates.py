"""Making the candidates: one float conversion, then int8 files from it, all with labels and Preprocess inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from edgecls.calibration.ranges import Range, find_ranges
from edgecls.data import Loaded
from edgecls.devices.profile import DeviceProfile
from edgecls.errors import ModelError
from edgecls.export.activations import FloatModel
from edgecls.export.activations_onnx import OnnxActivations
from edgecls.export.activations_tflite import TfliteActivations
from edgecls.export.bias_onnx import correct_onnx
from edgecls.export.bias_tflite import correct_tflite
from edgecls.export.convert import convert_float
from edgecls.export.embed import embed_card
from edgecls.export.int8_onnx import prepare_onnx, quantize_onnx
from edgecls.export.int8_tflite import quantize_tflite
from edgecls.machine import SATURATING, Machine
from edgecls.preprocess import Pixels
from edgecls.progress import Announce, Tick
from edgecls.runtime.arithmetic import arithmetic_for
from edgecls.runtime.model_file import Card

METHODS = {
    "tflite": "litert-quantizer, per-channel weights, ranges of least square error, biases corrected layer by layer",
    "onnx": "onnxruntime QDQ, per-channel weights, ranges of least square error, biases corrected layer by layer",
}


@dataclass(frozen=True)
class Candidate:
    """A model file that was made, not yet judged. `failure` says why there is no file."""

    path: Path
    format: str
    precision: str
    failure: str = ""


def make_float(
    model: Path, folder: Path, formats: tuple[str, ...], *, parity: Pixels, announce: Announce
) -> list[Candidate]:
    """Convert once to each format, as FOLDER/model.float32.FORMAT. Raises ModelError as `convert_float`."""
    tick = announce("converting to float " + " and ".join(formats))
    tick(0, 1)
    convert_float(model, folder, formats, parity)
    candidates = []
    for name in formats:
        converted, target = folder / f"float32.{name}", folder / f"model.float32.{name}"
        if name == "onnx":
            prepare_onnx(converted, target)
        else:
            converted.rename(target)
        candidates.append(Candidate(target, name, "float32"))
    tick(1, 1)
    return candidates


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


def open_activations(source: Candidate, *, threads: int) -> FloatModel:
    """What the operators of a float candidate compute."""
    kind = TfliteActivations if source.format == "tflite" else OnnxActivations
    return kind(source.path, threads=threads)


def make_int8(
    floats: list[Candidate],
    calibration: Loaded,
    *,
    machine: Machine,
    target: DeviceProfile | None = None,
    threads: int,
    announce: Announce,
) -> list[Candidate]:
    """Quantize each float candidate. A quantizer that fails gives a candidate with its failure."""
    made = []
    for source in floats:
        model = open_activations(source, threads=threads)
        ranges = find_ranges(model.walk, calibration.pixels, tick=announce(f"{source.format}, calibrating"))
        for precision in int8_precisions(source.format, machine, target):
            candidate = Candidate(
                source.path.with_name(f"model.{precision}.{source.format}"), source.format, precision
            )
            try:
                _quantize(source, candidate, ranges, calibration.pixels, threads=threads)
                tick = announce(f"{source.format} {precision}, correcting biases")
                _correct(candidate, model, calibration.pixels, machine=machine, threads=threads, tick=tick)
            except ModelError as error:
                candidate = replace(candidate, failure=str(error))
            made.append(candidate)
    return made


def _quantize(
    source: Candidate, made: Candidate, ranges: Mapping[str, Range], pixels: Pixels, *, threads: int
) -> None:
    if made.format == "tflite":
        quantize_tflite(source.path, made.path, ranges, pixels[:1], threads=threads)
    else:
        reduced = made.precision == "int8-avx2"
        quantize_onnx(source.path, made.path, ranges, pixels[:1], reduce_range=reduced)


def _correct(
    made: Candidate, model: FloatModel, pixels: Pixels, *, machine: Machine, threads: int, tick: Tick
) -> None:
    if made.format == "tflite":
        correct_tflite(made.path, model, pixels, threads=threads, tick=tick)
    else:
        arithmetic = arithmetic_for(made.format, made.precision, machine)
        correct_onnx(made.path, model, pixels, arithmetic=arithmetic, threads=threads, tick=tick)


def embed_cards(candidates: list[Candidate], card: Callable[[str], Card]) -> None:
    """Put `card(precision)` into every file."""
    for candidate in candidates:
        embed_card(candidate.path, card(candidate.precision))
