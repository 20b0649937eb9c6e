"""Bias correction of a float ONNX model: the initializers of its biases replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edgecls.errors import need
from edgecls.export.bias_correction import PHOTOS, Weights, dense_shift, depthwise_shift
from edgecls.preprocess import Pixels

LEVELS = 127
REDUCED_LEVELS = 64  # ONNX Runtime's reduce_range takes -64..64


def correct_onnx(source: Path, target: Path, pixels: Pixels, *, reduce_range: bool) -> None:
    """Write `target`, the float ONNX model `source` with biases corrected for int8 weights.

    `pixels` are calibration photos, uint8 RGB (n, h, w, 3), of which the first PHOTOS are used. Layers whose
    weights or bias are no constants, and convolutions in several groups, stay as they are.
    """
    onnx = need("onnx", "export")
    model = onnx.load(source)
    constants = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    nodes = [n for n in model.graph.node if n.op_type in ("Conv", "Gemm") and len(n.input) == 3]
    nodes = [n for n in nodes if n.input[1] in constants and n.input[2] in constants]
    means = _input_means(onnx, model, sorted({n.input[0] for n in nodes}), pixels[:PHOTOS])
    levels = REDUCED_LEVELS if reduce_range else LEVELS
    for number, node in enumerate(nodes):
        shift = _shift(node, constants[node.input[1]], means[node.input[0]], levels)
        if shift is None:
            continue
        corrected = (constants[node.input[2]] - shift).astype(np.float32)
        node.input[2] = f"{node.input[2]}/corrected{number}"  # two layers may share a bias
        model.graph.initializer.append(onnx.numpy_helper.from_array(corrected, node.input[2]))
    onnx.save(model, target)


def _shift(node: Any, weights: Weights, mean: Weights, levels: int) -> Weights | None:
    attributes = {a.name: a.i for a in node.attribute}
    if node.op_type == "Gemm":
        return dense_shift(weights if attributes.get("transB", 0) else weights.T, mean, levels=levels)
    groups = attributes.get("group", 1)
    if groups == 1:  # (out, in, h, w)
        return dense_shift(np.moveaxis(weights, 1, -1), mean, levels=levels)
    if groups == len(weights) == len(mean):
        return depthwise_shift(weights, mean, levels=levels)
    return None


def _input_means(onnx: Any, model: Any, names: list[str], pixels: Pixels) -> dict[str, Weights]:
    """Mean over photos and positions of each channel, the second axis, of these tensors."""
    ort = need("onnxruntime", "export")
    probed = onnx.ModelProto()
    probed.CopyFrom(model)
    probed.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(probed.SerializeToString(), options, providers=["CPUExecutionProvider"])
    image = model.graph.input[0].name
    sums: dict[str, Any] = dict.fromkeys(names, 0.0)
    for picture in pixels:
        values = session.run(names, {image: picture[np.newaxis].astype(np.float32)})
        for name, value in zip(names, values, strict=True):
            sums[name] = sums[name] + np.moveaxis(value, 1, -1).reshape(-1, value.shape[1]).mean(axis=0)
    return {name: np.asarray(total / len(pixels), np.float32) for name, total in sums.items()}
