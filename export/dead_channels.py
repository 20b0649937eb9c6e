"""Dead channels of an int8 TFLite model: one whose weights are all zero, or nearly, keeps its bias.

A bias counts in steps of the input's scale times that of its channel's weights (the TFLite 8-bit quantization
specification). litert-quantizer takes the latter from the weights alone, and where they are zero no bias fits 32 bits
any more. Such a channel gets the least scale at which its bias does; onnxruntime's quantizer does so by itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls.errors import need
from edgecls.export.tflite_graph import Layer, layers_with_bias, read_constant, store_constant

LARGEST = 2**30  # steps of a bias: its correction may need as many again


def fit_biases(model: Any, source: Any) -> None:
    """Widen the scales of such channels of an int8 model, in place; their biases are those of the float `source`."""
    types = need("ai_edge_litert.schema_py_generated", "export").TensorType
    biases = {layer.name: read_constant(source, layer.bias, np.float32) for layer in layers_with_bias(source)}
    for layer in layers_with_bias(model):
        if layer.bias.type == types.INT32 and layer.name in biases:
            _widen(model, layer, biases[layer.name])


def _widen(model: Any, layer: Layer, real: NDArray[np.float32]) -> None:
    weights, bias, step = layer.weights, layer.bias, float(layer.image.quantization.scale[0])
    scale = np.asarray(weights.quantization.scale, np.float64)
    least = np.abs(real).astype(np.float64) / LARGEST / step
    narrow = scale < least
    if not narrow.any():
        return
    wide = np.where(narrow, least, scale)
    axis = int(weights.quantization.quantizedDimension)
    shape = [-1 if i == axis else 1 for i in range(len(weights.shape))]
    numbers = read_constant(model, weights, np.int8).reshape(weights.shape) * (scale / wide).reshape(shape)
    steps = np.where(narrow, np.rint(real / (wide * step)), read_constant(model, bias, np.int32))
    store_constant(model, weights, np.rint(numbers).astype(np.int8))
    store_constant(model, bias, steps.astype(np.int32))
    weights.quantization.scale, bias.quantization.scale = (
        wide.astype(np.float32),
        (wide * step).astype(np.float32),
    )
