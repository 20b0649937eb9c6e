"""Float ONNX to int8 ONNX with ONNX Runtime's quantizer: QDQ, per-channel weights, min-max ranges."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from edgecls.calibration.ranges import Range
from edgecls.errors import ModelError, need
from edgecls.export.raw_onnx import feed_raw_onnx, onnx_entry
from edgecls.export.rounded_weights import Weights, take_onnx
from edgecls.preprocess import Pixels
from edgecls.quiet import quiet_stderr

# Probabilities stay float32: steps of 1/256 are too coarse for a confidence.
KEPT_FLOAT = ("Softmax",)


def prepare_onnx(source: Path, target: Path) -> None:
    """Write `target`, the float model with batch normalisation folded into its convolutions.

    The basic graph optimisations of ONNX Runtime: they hold on every machine and change no result.
    """
    ort = need("onnxruntime", "export")
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(target)
    options.log_severity_level = 3
    try:
        ort.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own, one for each status code
        raise ModelError(
            f"{source.name} could not be optimised ({error}); export TFLite with --format tflite"
        ) from error


def quantize_onnx(
    source: Path,
    target: Path,
    ranges: Mapping[str, Range],
    photo: Pixels,
    *,
    reduce_range: bool,
    rounded: Weights = MappingProxyType({}),
    in_float: Collection[str] = (),
) -> None:
    """Write `target`, an int8 QDQ model that takes uint8 pixels, from the float model `source` of `prepare_onnx`.

    `ranges` of its activations; `photo` is any one photo, uint8 RGB (1, h, w, 3), with which the quantizer finds out
    what it needs ranges of. Weights are `rounded`, as `rounded_of` gives them, or rounded to nearest. Nodes that
    compute the tensors `in_float` stay as they are. With `reduce_range` weights use 7 bits, so that pairwise 16-bit
    sums on x86 without VNNI cannot saturate. Raises ModelError when the quantizer fails.
    """
    quantization = need("onnxruntime.quantization", "export")
    onnx = need("onnx", "export")
    graph = onnx.load(source).graph
    entry = onnx_entry(graph)
    # Pixels are 0..255 by definition, not as far as the calibration photos happen to reach.
    stated = {graph.input[0].name: (0.0, 255.0), entry.tensor: (entry.low, entry.high)}
    overrides = {name: _state(quantization, *range_) for name, range_ in {**ranges, **stated}.items()}
    kinds = sorted({node.op_type for node in graph.node} - set(KEPT_FLOAT))
    try:
        with quiet_stderr():
            quantization.quantize_static(
                str(source),
                str(target),
                calibration_reader(quantization, photo, graph.input[0].name),
                quant_format=quantization.QuantFormat.QDQ,
                op_types_to_quantize=kinds,
                nodes_to_exclude=[node.name for node in graph.node if set(node.output) & set(in_float)],
                per_channel=True,
                reduce_range=reduce_range,
                weight_type=quantization.QuantType.QInt8,
                activation_type=quantization.QuantType.QUInt8,
                calibrate_method=quantization.CalibrationMethod.MinMax,
                extra_options={"TensorQuantOverrides": overrides},
            )
    except Exception as error:  # the quantizer raises whatever its passes meet
        raise ModelError(
            f"{source.name} could not be quantized to int8 ({error}); export it with --format tflite"
        ) from error
    model = onnx.load(target)
    take_onnx(model.graph, rounded)
    feed_raw_onnx(model, entry)
    onnx.save(model, target)


def _state(quantization: Any, low: float, high: float) -> list[dict[str, Any]]:
    kind = quantization.QuantType.QUInt8
    return [{"quant_type": kind, "rmin": np.float32(low), "rmax": np.float32(high)}]


def calibration_reader(quantization: Any, pixels: Pixels, name: str) -> Any:
    """A CalibrationDataReader of photos, uint8 RGB (n, h, w, 3), for the input called `name`."""

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._next = 0

        def get_next(self) -> dict[str, Any] | None:
            if self._next == len(pixels):
                return None
            picture = pixels[self._next]
            self._next += 1
            return {name: picture[np.newaxis].astype(np.float32)}

    return Reader()
