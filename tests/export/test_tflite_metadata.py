"""TFLite's standard metadata, read back by the field numbers of its schema."""

from __future__ import annotations

import zipfile
from typing import Any

import numpy as np
import pytest

from edgecls.export.export import ExportResult
from edgecls.export.tflite_graph import read_model
from edgecls.export.tflite_metadata import add_metadata
from edgecls.tensors import TensorSpec

pytestmark = pytest.mark.xdist_group("export")


class Reader:
    """A table of a flatbuffer; fields by their number."""

    def __init__(self, data: bytes, position: int | None = None) -> None:
        from flatbuffers import encode, number_types, table

        self._types, self._table = number_types, table
        self._data = data
        start = encode.Get(number_types.UOffsetTFlags.packer_type, data, 0) if position is None else position
        self._root = table.Table(data, start)

    def _at(self, number: int) -> int:
        offset = int(self._root.Offset(4 + 2 * number))
        assert offset, f"field {number} is not set"
        return offset + int(self._root.Pos)

    def text(self, number: int) -> str:
        return bytes(self._root.String(self._at(number))).decode()

    def number(self, number: int, kind: str) -> int:
        flags = getattr(self._types, f"{kind}Flags")
        return int(self._root.Get(flags, self._at(number)))

    def child(self, number: int) -> Reader:
        return Reader(self._data, int(self._root.Indirect(self._at(number))))

    def first(self, number: int) -> Reader:
        """The first table of a vector of tables."""
        place = int(self._root.Vector(self._at(number) - int(self._root.Pos)))
        return Reader(self._data, int(self._root.Indirect(place)))

    def floats(self, number: int) -> list[float]:
        return [
            float(x)
            for x in self._root.GetVectorAsNumpy(self._types.Float32Flags, self._at(number) - self._root.Pos)
        ]


def metadata(model: Any) -> bytes:
    (entry,) = [one for one in model.metadata if one.name == b"TFLITE_METADATA"]
    return bytes(model.buffers[entry.buffer].data)


@pytest.fixture
def data(exported: ExportResult) -> bytes:
    return metadata(read_model(exported.bundle.folder / "model.int8.tflite"))


def test_it_is_a_flatbuffer_of_the_metadata_schema(data: bytes) -> None:
    assert data[4:8] == b"M001"
    assert Reader(data).text(0) == "small"
    assert Reader(data).text(7) == "1.0.0"


def test_the_input_is_an_rgb_image_of_its_size(data: bytes) -> None:
    image = Reader(data).first(3).first(2)
    assert image.text(0) == "image"
    content = image.child(3)
    assert content.number(0, "Uint8") == 2, "ImageProperties"
    properties = content.child(1)
    assert properties.number(0, "Int8") == 1, "RGB"
    size = properties.child(1)
    assert (size.number(0, "Uint32"), size.number(1, "Uint32")) == (16, 16)


def test_normalizing_and_quantizing_a_pixel_gives_the_pixel(exported: ExportResult, data: bytes) -> None:
    options = Reader(data).first(3).first(2).first(4).child(1)
    (mean,), (std,) = options.floats(0), options.floats(1)
    spec = exported.bundle.variant(format="tflite", precision="int8").input
    pixels = np.arange(256)
    quantized = np.rint((pixels - mean) / std / spec.scale + spec.zero_point)
    np.testing.assert_array_equal(quantized, pixels)


def test_a_float_input_takes_pixels_as_they_are() -> None:
    from edgecls.export.tflite_graph import pack_model

    schema = pytest.importorskip("ai_edge_litert.schema_py_generated", reason="needs ai-edge-litert")
    empty = schema.ModelT()
    empty.buffers, empty.subgraphs, empty.version = [schema.BufferT()], [schema.SubGraphT()], 3
    image, scores = TensorSpec("image", (1, 8, 6, 3), "float32"), TensorSpec("scores", (1, 2), "float32")
    made = add_metadata(pack_model(empty), network="x", image=image, scores=scores)
    again = schema.ModelT.InitFromPackedBuf(made, 0)
    options = Reader(metadata(again)).first(3).first(2).first(4).child(1)
    assert (options.floats(0), options.floats(1)) == ([0.0], [1.0])


def test_the_output_names_the_file_of_its_labels(exported: ExportResult, data: bytes) -> None:
    scores = Reader(data).first(3).first(3)
    file = scores.first(6)
    assert file.number(2, "Int8") == 2, "TENSOR_AXIS_LABELS"
    with zipfile.ZipFile(exported.bundle.folder / "model.int8.tflite") as archive:
        labels = archive.read(file.text(0)).decode().split("\n")[:-1]
    assert labels == ["blue", "green", "red sö"]


def test_a_second_time_replaces_the_first(exported: ExportResult) -> None:
    path = exported.bundle.folder / "model.float32.tflite"
    spec = TensorSpec("image", (1, 16, 16, 3), "float32"), TensorSpec("scores", (1, 3), "float32")
    twice = add_metadata(path.read_bytes(), network="another", image=spec[0], scores=spec[1])
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated", reason="needs ai-edge-litert")
    assert Reader(metadata(schema.ModelT.InitFromPackedBuf(twice, 0))).text(0) == "another"
