"""One int8 file from a float file: quantized with ranges from photos, then its biases corrected."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from edgecls.calibration.ranges import Ranges, find_ranges
from edgecls.export.activations import FloatModel
from edgecls.export.activations_onnx import OnnxActivations
from edgecls.export.activations_tflite import TfliteActivations
from edgecls.export.bias_onnx import correct_onnx
from edgecls.export.bias_tflite import correct_tflite
from edgecls.export.candidates import Candidate
from edgecls.export.int8_onnx import quantize_onnx
from edgecls.export.int8_tflite import quantize_tflite
from edgecls.export.rounded_weights import ROUNDED, Weights, rounded_of
from edgecls.export.unquantized import unquantized
from edgecls.machine import Machine
from edgecls.preprocess import Pixels
from edgecls.progress import Announce
from edgecls.runtime.arithmetic import arithmetic_for

OURS = (
    "channels equalised, per-channel weights rounded adaptively (of 7 bits: to nearest), ranges of least square error, "
    "biases corrected"
)
METHODS = {"tflite": f"litert-quantizer, {OURS}", "onnx": f"onnxruntime QDQ, {OURS}"}


@dataclass(frozen=True)
class Int8Source:
    """What int8 files are made from: a float file, its activations and their ranges on `pixels`.

    `pixels` are the calibration photos, uint8 RGB (n, h, w, 3); `rounded` are weights as `rounded_of` gives them.
    """

    origin: Candidate
    model: FloatModel
    ranges: Ranges
    pixels: Pixels
    machine: Machine
    threads: int
    rounded: Weights

    def candidate(self, precision: str) -> Candidate:
        """The file of a precision that is to be made beside the float file."""
        path = self.origin.path.with_name(f"model.{precision}.{self.origin.format}")
        return Candidate(path, self.origin.format, precision)


def open_source(
    origin: Candidate, pixels: Pixels, *, machine: Machine, threads: int, announce: Announce
) -> Int8Source:
    """Find the ranges of a float file, beside which ROUNDED lies.

    Raises ModelError when an activation is no number.
    """
    opened = TfliteActivations if origin.format == "tflite" else OnnxActivations
    model = opened(origin.path, threads=threads)
    ranges = find_ranges(model.walk, pixels, tick=announce(f"{origin.format}, calibrating"))
    rounded = rounded_of(origin.path, origin.path.with_name(ROUNDED))
    return Int8Source(origin, model, ranges, pixels, machine, threads, rounded)


def quantize(source: Int8Source, target: Candidate, *, in_float: Collection[str] = ()) -> None:
    """Write the target's file; operators that compute the tensors `in_float` stay in float.

    So does always the one that computes the logits: rounded to 8 bits, of a wide range above all, they are too coarse
    for a confidence. Raises ModelError when the quantizer fails.
    """
    origin, one = source.origin.path, source.pixels[:1]
    in_float = {source.model.logits, *in_float}
    if target.format == "tflite":
        quantize_tflite(
            origin, target.path, source.ranges.by_name, one,
            threads=source.threads, rounded=source.rounded, in_float=in_float,
        )  # fmt: skip
        return
    reduced = target.precision == "int8-avx2"
    quantize_onnx(
        origin, target.path, source.ranges.by_name, one,
        reduce_range=reduced, rounded={} if reduced else source.rounded, in_float=in_float,
    )  # fmt: skip


def make(
    source: Int8Source, target: Candidate, *, in_float: Collection[str] = (), announce: Announce
) -> tuple[str, ...]:
    """Write the target's file as `quantize` does, and correct its biases. Raises ModelError when either cannot be.

    Returns the kinds of further operators that are in float, because the quantizer has no int8 form of them.
    """
    quantize(source, target, in_float=in_float)
    tick = announce(f"{target.key}, correcting biases")
    if target.format == "tflite":
        correct_tflite(target.path, source.model, source.pixels, threads=source.threads, tick=tick)
    else:
        arithmetic = arithmetic_for(target.format, target.precision, source.machine)
        correct_onnx(
            target.path, source.model, source.pixels, arithmetic=arithmetic, threads=source.threads, tick=tick
        )
    return unquantized(target, set(source.model.names[1:]) - {source.model.logits, *in_float})


def make_int8(
    origin: Candidate, pixels: Pixels, *, machine: Machine, threads: int, announce: Announce
) -> Candidate:
    """One int8 file for this machine and boards, of what `make_float` made for int8, not judged.

    Raises ModelError as `open_source` and `make` do.
    """
    source = open_source(origin, pixels, machine=machine, threads=threads, announce=announce)
    target = source.candidate("int8")
    make(source, target, announce=announce)
    return target
