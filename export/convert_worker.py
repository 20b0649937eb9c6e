"""The child process that converts: `python -m edgecls.export.convert_worker MODEL FOLDER FORMAT,... [int8]`.

A converter can abort its whole process (LLVM does, on some graphs); in a child that is an error to report.
"""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import Any

KERAS_FORMATS = {"tflite": "litert", "onnx": "onnx"}


def convert(model_path: Path, folder: Path, formats: list[str], *, for_int8: bool) -> None:
    """Write FOLDER/float32.FORMAT for each format from a .keras file; batch size 1, input "image" 0..255.

    `for_int8` with equalised channels, and FOLDER/ROUNDED beside them: the weights in whole steps of int8.
    Also computes the parity photos with Keras itself, before anything is done to the weights, and leaves its
    probabilities beside them. Raises ModelError for weights that are no numbers.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"  # only TensorFlow's graph can be converted
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import numpy as np

    from edgecls.export.convert import ANSWERS, PARITY_PHOTOS, PIXELS
    from edgecls.export.equalisation import equalise
    from edgecls.export.native import to_native
    from edgecls.export.rounded_weights import ROUNDED, save_rounded
    from edgecls.export.rounding import round_weights
    from edgecls.export.weights import require_numbers

    model = keras.models.load_model(model_path, compile=False)
    require_numbers(model)
    pixels = np.load(folder / PIXELS, allow_pickle=False)
    parity = pixels[:PARITY_PHOTOS].astype(np.float32)
    np.save(folder / ANSWERS, model.predict(parity, batch_size=len(parity), verbose=0))
    if for_int8:
        equalise(keras, model, pixels)
    native = to_native(keras, model)
    _export(native, folder, formats)
    if for_int8:
        save_rounded(folder / ROUNDED, round_weights(keras, native, pixels))


def _export(model: Any, folder: Path, formats: list[str]) -> None:
    # tf2onnx copies the whole graph before each of its passes, in circles that only the collector frees; by its own
    # measure, a share of all that Python holds, it came when ten copies and more lay about.
    gc.collect()
    gc.freeze()
    gc.collect()  # makes the share one of what is new
    gc.set_threshold(2000, 1, 1)
    for format in formats:
        model.export(
            folder / f"float32.{format}",
            format=KERAS_FORMATS[format],
            input_signature=[batch_of_one(model)],
            verbose=False,
        )


def batch_of_one(model: Any) -> Any:
    """The signature with which a model is exported: its input with a batch of one, float32."""
    import tensorflow as tf

    tensor = model.inputs[0]
    return tf.TensorSpec((1, *tensor.shape[1:]), tf.float32, name=tensor.name)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3].split(","), for_int8="int8" in sys.argv[4:])
