"""Lighter files on request, without calibration: weights of 16 bits, or of 8 with ranges found while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgecls.errors import first_line, need
from edgecls.export.candidates import Candidate
from edgecls.progress import Announce
from edgecls.quiet import quiet_stderr

LIGHTER = ("float16", "dynamic")


def make_lighter(
    floats: Sequence[Candidate], precisions: Sequence[str], *, announce: Announce
) -> list[Candidate]:
    """Make each of `precisions`, of LIGHTER, from each float candidate. A failure gives a candidate that names it.

    float16: weights as 16-bit floats, half the size. dynamic: weights as int8, a quarter of the size; the range of each
    activation is taken from the picture at hand.
    """
    made = []
    for source in floats:
        for precision in precisions:
            path = source.path.with_name(f"model.{precision}.{source.format}")
            tick = announce(f"{source.format} {precision}")
            tick(0, 1)
            try:
                with quiet_stderr():
                    (_make_tflite if source.format == "tflite" else _make_onnx)(source.path, path, precision)
            except Exception as error:  # the libraries raise whatever their passes meet
                failure = f"{source.path.name} could not be made {precision} ({first_line(error)})"
                made.append(Candidate(path, source.format, precision, failure=failure))
            else:
                made.append(Candidate(path, source.format, precision))
            tick(1, 1)
    return made


def _make_tflite(source: Path, target: Path, precision: str) -> None:
    recipes = need("litert_quantizer.recipe_manager", "export")
    operations = need("litert_quantizer.qtyping", "export").TFLOperationName
    manager = recipes.RecipeManager()
    if precision == "dynamic":
        manager.add_dynamic_config(".*", operations.ALL_SUPPORTED, num_bits=8)
    else:
        casting = recipes.AlgorithmName.FLOAT_CASTING
        manager.add_weight_only_config(".*", operations.ALL_SUPPORTED, num_bits=16, algorithm_key=casting)
    quantizer = need("litert_quantizer.quantizer", "export").Quantizer(
        str(source), manager.get_quantization_recipe()
    )
    target.write_bytes(quantizer.quantize(enable_progress_report=False).quantized_model)


def _make_onnx(source: Path, target: Path, precision: str) -> None:
    if precision == "dynamic":
        quantization = need("onnxruntime.quantization", "export")
        # ConvInteger of ONNX Runtime's CPU kernels takes unsigned weights alone.
        quantization.quantize_dynamic(str(source), str(target), weight_type=quantization.QuantType.QUInt8)
        return
    onnx = need("onnx", "export")
    convert = need("onnxruntime.transformers.float16", "export").convert_float_to_float16
    onnx.save(convert(onnx.load(source), keep_io_types=True), target)
