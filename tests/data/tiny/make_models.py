"""Makes the model files of this folder: a network that tells red, green and blue pictures apart.

Run it from the repository root: .venv/bin/python tests/data/tiny/make_models.py [--cards]
Needs the extras train and export. The weights are set by hand, so the answers have a meaning: the class is
the brightest channel. With --cards the models stay as they are, and only the cards in them are written anew.
"""

from __future__ import annotations

import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import numpy as np
import onnx
from litert_quantizer import quantizer, recipe
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

HERE = Path(__file__).parent
SIZE = 16
CARD = {
    "network": "tiny",
    "labels": ["red", "green", "blue"],
    "preprocess": {
        "height": SIZE,
        "width": SIZE,
        "crop": "centre",
        "interpolation": "area-linear",
        "colour_order": "RGB",
    },
    "temperature": 1.0,
    "thresholds": [0.0, 0.0, 0.0],
}


def network() -> Any:
    """(1, 16, 16, 3) float pixels 0..255 -> softmax over the mean of each channel."""
    pixels = keras.Input((SIZE, SIZE, 3), batch_size=1)
    scaled = keras.layers.Rescaling(1 / 127.5, -1)(pixels)
    features = keras.layers.Conv2D(3, 3, padding="same", activation="relu6")(scaled)
    mean = keras.layers.GlobalAveragePooling2D()(features)
    model = keras.Model(pixels, keras.layers.Dense(3, activation="softmax")(mean))
    kernel = np.zeros((3, 3, 3, 3), np.float32)
    kernel[1, 1] = np.eye(3)
    model.layers[2].set_weights([kernel, np.ones(3, np.float32)])
    model.layers[4].set_weights([4 * np.eye(3, dtype=np.float32), np.zeros(3, np.float32)])
    return model


def photos() -> list[np.ndarray[Any, Any]]:
    """Calibration pictures, float32 (1, 16, 16, 3): noise over every colour."""
    random = np.random.default_rng(0)
    return [
        random.uniform(0, random.uniform(50, 256, 3), (1, SIZE, SIZE, 3)).astype("float32") for _ in range(64)
    ]


def make_tflite(model: Any) -> None:
    model.export(str(HERE / "tiny.float32.tflite"), format="litert", verbose=False)
    work = quantizer.Quantizer(str(HERE / "tiny.float32.tflite"), recipe.static_wi8_ai8())
    data = {"serving_default": [{model.inputs[0].name: photo} for photo in photos()]}
    calibrated = work.calibrate(data, num_threads=2)
    quantized = work.quantize(calibrated, enable_progress_report=False)
    quantized.export_model(str(HERE / "tiny.int8.tflite"), overwrite=True)


class Photos(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, name: str) -> None:
        self.left = iter([{name: photo} for photo in photos()])

    def get_next(self) -> dict[str, Any] | None:
        return next(self.left, None)


def make_onnx(model: Any) -> None:
    source = HERE / "tiny.float32.onnx"
    model.export(str(source), format="onnx", verbose=False)
    name = onnx.load(source).graph.input[0].name
    quantize_static(
        source,
        HERE / "tiny.int8.onnx",
        Photos(name),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )


def write_cards() -> None:
    """Put the card into every file, in the place of one that is there."""
    for precision in ("float32", "int8"):
        text = json.dumps({**CARD, "precision": precision})
        path = HERE / f"tiny.{precision}.tflite"
        path.write_bytes(without_zip(path))
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("edgecls.json", text)
        loaded = onnx.load(path.with_suffix(".onnx"))
        onnx.helper.set_model_props(loaded, {"edgecls.json": text})
        onnx.save(loaded, path.with_suffix(".onnx"))


def without_zip(path: Path) -> bytes:
    """The flatbuffer alone: the zip, if there is one, follows it."""
    if not zipfile.is_zipfile(path):
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        return path.read_bytes()[: min(member.header_offset for member in archive.infolist())]


if __name__ == "__main__":
    if "--cards" not in sys.argv:
        made = network()
        make_tflite(made)
        make_onnx(made)
    write_cards()
