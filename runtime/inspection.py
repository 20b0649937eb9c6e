"""Inspection: what a model file says about itself, and whether it is what it claims to be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgecls.bundle import Bundle
from edgecls.errors import MissingDependencyError
from edgecls.files import sha256_file
from edgecls.manifest import Variant
from edgecls.runtime.engine import open_engine
from edgecls.runtime.litert import LiteRTEngine
from edgecls.runtime.model_file import Card, ModelFile
from edgecls.runtime.operators import Operators, read_operators
from edgecls.tensors import TensorSpec


@dataclass(frozen=True)
class Inspection:
    """One model file, as an engine here sees it.

    `operators` is None for ONNX: ONNX Runtime does not tell, and the onnx package stays off the device.
    """

    path: Path
    format: str
    card: Card
    size_bytes: int
    sha256: str
    engine: str
    input: TensorSpec
    output: TensorSpec
    operators: Operators | None

    @property
    def input_formula(self) -> str:
        return input_formula(self.input)

    @property
    def arithmetic(self) -> str:
        """In what numbers the graph computes, in words; what the card claims is not asked."""
        return describe_arithmetic(self.operators) if self.operators else "not told by ONNX Runtime"


def inspect_file(path: Path) -> Inspection:
    """Look into a single .tflite or .onnx. Raises ModelError when it is not one made by edgecls."""
    return _inspect(ModelFile.from_file(path))


def inspect_variant(bundle: Bundle, variant: Variant) -> Inspection:
    """Look into a variant of a bundle, its digest checked.

    Raises MissingDependencyError or DeviceError when its engine is not installed.
    """
    return _inspect(ModelFile.from_bundle(bundle, variant))


def inspect_bundle(bundle: Bundle) -> tuple[tuple[Inspection, ...], tuple[str, ...]]:
    """Look into every variant that an engine here can open, and say in a sentence why not into the others."""
    results = [_inspect_or_say(bundle, variant) for variant in bundle.manifest.variants]
    seen = tuple(result for result in results if isinstance(result, Inspection))
    return seen, tuple(result for result in results if isinstance(result, str))


def _inspect_or_say(bundle: Bundle, variant: Variant) -> Inspection | str:
    try:
        return inspect_variant(bundle, variant)
    except MissingDependencyError as error:
        return f"{variant.file}: {error}"


def _inspect(model: ModelFile) -> Inspection:
    engine = open_engine(model.path)
    try:
        operators = read_operators(engine.interpreter) if isinstance(engine, LiteRTEngine) else None
        return Inspection(
            path=model.path,
            format=model.path.suffix.lstrip("."),
            card=model.card,
            size_bytes=model.path.stat().st_size,
            sha256=sha256_file(model.path),
            engine=engine.name,
            input=engine.input,
            output=engine.output,
            operators=operators,
        )
    finally:
        engine.close()


def input_formula(spec: TensorSpec) -> str:
    """What a raw pixel, 0..255, becomes and stands for, e.g. "int8 = pixel - 128"."""
    fed = f"{spec.dtype} = pixel" + (" - 128" if spec.dtype == "int8" else "")
    if not spec.is_quantized:
        return fed
    zero = spec.zero_point + (128 if spec.dtype == "int8" else 0)
    if (spec.scale, zero) == (1.0, 0):
        return fed
    value = f"(pixel {'-' if zero > 0 else '+'} {abs(zero)})" if zero else "pixel"
    return f"{fed}, stands for {spec.scale:.9g} * {value}"


def describe_arithmetic(operators: Operators) -> str:
    """In what numbers a graph computes, e.g. "int8 in all 66 operators"."""
    in_float = sum(operators.in_float.values())
    all = operators.in_int8 + in_float
    if not operators.in_int8:
        return f"float in all {all} operators"
    if not in_float:
        return f"int8 in all {all} operators"
    names = ", ".join(operators.in_float)
    return f"int8 in {operators.in_int8} of {all} operators; not in int8: {names}"


def describe_delegation(operators: Operators) -> str:
    """How much of a graph XNNPACK runs, e.g. "1 partition, nothing falls back"."""
    if not operators.partitions:
        return "no partition, plain kernels run everything"
    parts = f"{operators.partitions} partition{'s' if operators.partitions > 1 else ''}"
    outside = ", ".join(f"{n} {name}" for name, n in operators.fallen_back.items())
    return f"{parts}, " + (f"fallen back to plain kernels: {outside}" if outside else "nothing falls back")
