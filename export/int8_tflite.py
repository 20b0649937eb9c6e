"""Float TFLite to int8 TFLite with litert-quantizer: static ranges, per-channel weights."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from edgecls.calibration.ranges import Range
from edgecls.errors import ModelError, need
from edgecls.export.dead_channels import fit_biases
from edgecls.export.raw_tflite import feed_raw_tflite, tflite_entry
from edgecls.export.rounded_weights import Weights, take_tflite
from edgecls.export.tflite_graph import pack_model, read_model, read_model_bytes
from edgecls.preprocess import Pixels
from edgecls.quiet import quiet_stderr

# Probabilities stay float32: steps of 1/256 are too coarse for a confidence.
KEPT_FLOAT = ("SOFTMAX", "OUTPUT")


def quantize_tflite(
    source: Path,
    target: Path,
    ranges: Mapping[str, Range],
    photo: Pixels,
    *,
    threads: int,
    rounded: Weights = MappingProxyType({}),
    in_float: Collection[str] = (),
) -> None:
    """Write `target`, an int8 model that takes uint8 pixels, from the float32 model `source`.

    `ranges` of its activations; `photo` is any one photo, uint8 RGB (1, h, w, 3), with which the quantizer finds out
    what it needs ranges of. Weights are `rounded`, as `rounded_of` gives them, or rounded to nearest. Operators that
    compute the tensors `in_float` stay as they are. Raises ModelError when the quantizer fails.
    """
    given = read_model(source)
    entry = tflite_entry(given)
    # Pixels are 0..255 by definition, not as far as the calibration photos happen to reach.
    stated = {_input(source): (0.0, 255.0), entry.tensor: (entry.low, entry.high)}
    try:
        with quiet_stderr():
            content = _quantized(source, {**ranges, **stated}, photo, in_float, threads)
    except (ValueError, RuntimeError, KeyError) as error:
        raise ModelError(
            f"{source.name} could not be quantized to int8 ({error}); export float with --no-int8"
        ) from error
    model = read_model_bytes(content)
    fit_biases(model, given)
    take_tflite(model, rounded)
    feed_raw_tflite(model, entry)
    target.write_bytes(pack_model(model))


def _quantized(
    source: Path, ranges: Mapping[str, Range], photo: Pixels, in_float: Collection[str], threads: int
) -> bytes:
    """What litert-quantizer makes of a file."""
    qtyping = need("litert_quantizer.qtyping", "export")
    quantizer = need("litert_quantizer.quantizer", "export").Quantizer(
        str(source), _recipe(qtyping, in_float)
    )
    key, name = _signature(source)
    once = [{name: photo.astype(np.float32)}]  # a list: the quantizer asks for its length
    known = quantizer.calibrate({key: once}, num_threads=threads)
    for tensor, (low, high) in ranges.items():
        if tensor in known:
            _set_range(known[tensor], low, high)
    result = quantizer.quantize(known, enable_progress_report=False)
    # Not result.export_model: it writes through a memory map, and a full disk then kills the process.
    return bytes(result.quantized_model)


def _recipe(qtyping: Any, in_float: Collection[str]) -> Any:
    recipes = need("litert_quantizer.recipe_manager", "export")
    manager = recipes.RecipeManager()
    manager.add_static_config(
        regex=".*",
        operation_name=qtyping.TFLOperationName.ALL_SUPPORTED,
        activation_num_bits=8,
        weight_num_bits=8,
    )
    kept = [(".*", qtyping.TFLOperationName[operation]) for operation in KEPT_FLOAT]
    # An operator goes by the names of what it computes, each with a semicolon behind it.
    kept += [(f"^{re.escape(name)};$", qtyping.TFLOperationName.ALL_SUPPORTED) for name in in_float]
    for regex, operation in kept:
        manager.add_quantization_config(regex=regex, operation_name=operation, algorithm_key="no_quantize")
    return manager.get_quantization_recipe()


def _interpreter(source: Path) -> Any:
    return need("ai_edge_litert.interpreter", "export").Interpreter(str(source))


def _signature(source: Path) -> tuple[str, str]:
    """Name of the model's signature and of its one input."""
    signatures = _interpreter(source).get_signature_list()
    key = next(iter(signatures))
    return key, signatures[key]["inputs"][0]


def _input(source: Path) -> str:
    """Name of the model's input tensor."""
    return str(_interpreter(source).get_input_details()[0]["name"])


def _set_range(found: dict[str, Any], low: float, high: float) -> None:
    found["min"] = np.full_like(found["min"], low)
    found["max"] = np.full_like(found["max"], high)
