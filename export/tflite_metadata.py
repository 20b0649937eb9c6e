"""TFLite's standard metadata: what the tensors of a .tflite mean, for other people's tools.

A flatbuffer of its own inside the model's, after metadata_schema.fbs 1.1.0 of the TensorFlow Lite Support library
(https://github.com/tensorflow/tflite-support/tree/master/tensorflow_lite_support/metadata). No package that is alive
writes it without TensorFlow, so the few tables that a classifier of images needs are written here by the numbers of
their fields in that schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgecls.errors import need
from edgecls.export.tflite_graph import pack_model, read_model_bytes
from edgecls.tensors import TensorSpec

ENTRY = b"TFLITE_METADATA"
IDENTIFIER = b"M001"
PARSER_VERSION = "1.0.0"
LABELS = "labels.txt"
RGB = 1
TENSOR_AXIS_LABELS = 2
# Numbers of the members of the schema's unions.
FEATURE_PROPERTIES, IMAGE_PROPERTIES = 1, 2
NORMALIZATION_OPTIONS = 1

Field = tuple[int, str, Any]  # number in its table, method of the builder that adds it, value


def add_metadata(content: bytes, *, network: str, image: TensorSpec, scores: TensorSpec) -> bytes:
    """A .tflite with metadata: an RGB image to scores, whose labels lie in the associated file LABELS."""
    schema = need("ai_edge_litert.schema_py_generated", "export")
    model = read_model_bytes(content)
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = list(_metadata(network, image, scores))
    model.buffers.append(buffer)
    entry.name, entry.buffer = ENTRY, len(model.buffers) - 1
    model.metadata = [one for one in model.metadata or [] if one.name != ENTRY] + [entry]
    return pack_model(model)


def _metadata(network: str, image: TensorSpec, scores: TensorSpec) -> bytes:
    builder = need("flatbuffers", "export").Builder(1024)
    graph = _table(
        builder, 7,
        _offset(2, _vector(builder, [_image(builder, image)])),
        _offset(3, _vector(builder, [_scores(builder, scores)])),
    )  # fmt: skip
    root = _table(
        builder, 8,
        _offset(0, builder.CreateString(network)),
        _offset(1, builder.CreateString(f"{network}, an image classifier exported by edgecls")),
        _offset(3, _vector(builder, [graph])),
        _offset(7, builder.CreateString(PARSER_VERSION)),
    )  # fmt: skip
    builder.Finish(root, IDENTIFIER)
    return bytes(builder.Output())


def _image(builder: Any, spec: TensorSpec) -> int:
    height, width = spec.shape[1:3]
    size = _table(builder, 2, (0, "PrependUint32Slot", width), (1, "PrependUint32Slot", height))
    properties = _table(builder, 2, (0, "PrependInt8Slot", RGB), _offset(1, size))
    content = _content(builder, IMAGE_PROPERTIES, properties)
    return _table(
        builder, 7,
        _offset(0, builder.CreateString("image")),
        _offset(1, builder.CreateString("RGB pixels of 0 to 255")),
        _offset(3, content),
        _offset(4, _vector(builder, [_normalization(builder, spec)])),
    )  # fmt: skip


def _normalization(builder: Any, spec: TensorSpec) -> int:
    """(pixel - mean) / std, which the input's quantization turns back into the pixel: readers may do both or none."""
    mean, std = (float(spec.zero_point), 1 / spec.scale) if spec.is_quantized else (0.0, 1.0)
    vectors = [builder.CreateNumpyVector(np.array([value], np.float32)) for value in (mean, std)]
    options = _table(builder, 2, _offset(0, vectors[0]), _offset(1, vectors[1]))
    return _table(builder, 2, (0, "PrependUint8Slot", NORMALIZATION_OPTIONS), _offset(1, options))


def _scores(builder: Any, spec: TensorSpec) -> int:
    file = _table(
        builder, 4,
        _offset(0, builder.CreateString(LABELS)),
        _offset(1, builder.CreateString("the classes, in the order of the scores")),
        (2, "PrependInt8Slot", TENSOR_AXIS_LABELS),
    )  # fmt: skip
    content = _content(builder, FEATURE_PROPERTIES, _table(builder, 0))
    return _table(
        builder, 7,
        _offset(0, builder.CreateString("scores")),
        _offset(1, builder.CreateString(f"probabilities of {spec.shape[-1]} classes")),
        _offset(3, content),
        _offset(6, _vector(builder, [file])),
    )  # fmt: skip


def _content(builder: Any, kind: int, properties: int) -> int:
    return _table(builder, 3, (0, "PrependUint8Slot", kind), _offset(1, properties))


def _offset(number: int, offset: int) -> Field:
    return (number, "PrependUOffsetTRelativeSlot", offset)


def _table(builder: Any, size: int, *fields: Field) -> int:
    builder.StartObject(size)
    for number, method, value in fields:
        getattr(builder, method)(number, value, 0)
    return int(builder.EndObject())


def _vector(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())
