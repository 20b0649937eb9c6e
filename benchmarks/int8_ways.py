"""The usual ways to an int8 file, each with its library's defaults, and edgecls' own: what compare_int8.py compares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from edgecls.data import Loaded
from edgecls.errors import need
from edgecls.export.candidates import Candidate
from edgecls.export.convert_worker import KERAS_FORMATS, batch_of_one
from edgecls.export.int8_onnx import calibration_reader, prepare_onnx
from edgecls.export.onnx_graph import prune
from edgecls.export.quantizing import make_int8
from edgecls.machine import Machine
from edgecls.progress import Tick


@dataclass(frozen=True)
class Work:
    """What every way starts from."""

    folder: Path
    model: Path
    calibration: Loaded
    machine: Machine
    threads: int

    def path(self, name: str) -> Path:
        return self.folder / name

    def batches(self) -> list[Any]:
        """The calibration photos as the float models take them, (1, h, w, 3)."""
        return [picture[np.newaxis].astype(np.float32) for picture in self.calibration.pixels]


def quiet(description: str) -> Tick:
    """Progress that nobody hears."""
    return lambda done, total: None


def tflite_converter(work: Work) -> Path:
    """TensorFlow's own converter, full int8 with float answers, from the Keras model."""
    tf, keras = need("tensorflow", "train"), need("keras", "train")
    model = keras.models.load_model(work.model, compile=False)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([batch] for batch in work.batches())
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    target = work.path("converter.tflite")
    target.write_bytes(converter.convert())
    return target


def convert_plainly(work: Work) -> None:
    """keras.tflite and folded.onnx, as Keras exports the model: what the others' quantizers start from."""
    keras = need("keras", "train")
    model = keras.models.load_model(work.model, compile=False)
    signature = [batch_of_one(model)]
    for name, kind in KERAS_FORMATS.items():
        model.export(work.path(f"keras.{name}"), format=kind, input_signature=signature, verbose=False)
    prepare_onnx(work.path("keras.onnx"), work.path("folded.onnx"))


def litert_quantizer(work: Work) -> Path:
    """litert-quantizer's static int8 recipe with its own calibration."""
    quantizers, recipe = (
        need("litert_quantizer.quantizer", "export"),
        need("litert_quantizer.recipe", "export"),
    )
    source = work.path("keras.tflite")
    quantizer = quantizers.Quantizer(str(source), recipe.static_wi8_ai8())
    signatures = need("ai_edge_litert.interpreter", "export").Interpreter(str(source)).get_signature_list()
    key = next(iter(signatures))
    name = signatures[key]["inputs"][0]
    ranges = quantizer.calibrate({key: [{name: batch} for batch in work.batches()]})
    target = work.path("quantizer.tflite")
    target.write_bytes(quantizer.quantize(ranges).quantized_model)
    return target


def ort(work: Work, name: str, **options: Any) -> Path:
    """ONNX Runtime's quantize_static."""
    quantization, onnx = need("onnxruntime.quantization", "export"), need("onnx", "export")
    source, target = work.path("folded.onnx"), work.path(f"{name}.onnx")
    image = onnx.load(source).graph.input[0].name

    photos = calibration_reader(quantization, work.calibration.pixels, image)
    quantization.quantize_static(str(source), str(target), photos, **options)
    return target


def nncf(work: Work) -> Path:
    """NNCF's post-training quantization of the ONNX file, fast bias correction."""
    nncf, onnx = need("nncf", "compare"), need("onnx", "export")
    model = onnx.load(work.path("folded.onnx"))
    image = model.graph.input[0].name
    data = nncf.Dataset(work.batches(), lambda batch: {image: batch})
    target = work.path("nncf.onnx")
    quantized = nncf.quantize(model, data, subset_size=len(work.calibration))
    prune(quantized.graph)
    onnx.save(quantized, target)
    return target


def edgecls(work: Work, format: str) -> Path:
    """What `edgecls export --int8` does with this float file."""
    source = Candidate(work.path(f"model.float32.{format}"), format, "float32")
    pixels = work.calibration.pixels
    return make_int8(source, pixels, machine=work.machine, threads=work.threads, announce=quiet).path


def fed_in_float(work: Work, format: str) -> Path:
    """The same without its raw input: pixels enter as float32, and the graph scales and quantizes them."""
    with patch("edgecls.export.int8_tflite.feed_raw_tflite"), patch("edgecls.export.int8_onnx.feed_raw_onnx"):
        made = edgecls(work, format)
    return made.rename(work.path(f"fed-in-float.{format}"))


def ways() -> dict[str, Callable[[Work], Path]]:
    """The ways by name, with the library's defaults unless the name says otherwise."""
    found: dict[str, Callable[[Work], Path]] = {
        "TFLiteConverter int8": tflite_converter,
        "litert-quantizer static int8": litert_quantizer,
        "edgecls int8 TFLite, fed in float32": lambda work: fed_in_float(work, "tflite"),
        "edgecls int8 TFLite": lambda work: edgecls(work, "tflite"),
        "ORT quantize_static": lambda work: ort(work, "ort"),
        "ORT per channel": lambda work: ort(work, "ort-per-channel", per_channel=True),
        "ORT per channel, reduce_range": lambda work: ort(
            work, "ort-reduced", per_channel=True, reduce_range=True
        ),
    }
    if find_spec("nncf"):
        found["NNCF"] = nncf
    return found | {
        "edgecls int8 ONNX, fed in float32": lambda work: fed_in_float(work, "onnx"),
        "edgecls int8 ONNX": lambda work: edgecls(work, "onnx"),
    }
