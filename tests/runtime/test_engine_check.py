"""The engine check: an engine works when it has run a model, not when it could be imported."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from edgecls.devices.finding import State
from edgecls.runtime import engine_check
from edgecls.runtime.engine import open_engine
from edgecls.runtime.engine_check import check_onnxruntime, check_tflite, probe_model


def make_probe(schema: Any, flatbuffers: Any) -> bytes:
    """The lines that made the probe model: one FULLY_CONNECTED layer from 1x1x1x3 to 1x2."""

    def tensor(name: str, shape: list[int], buffer: int) -> Any:
        made = schema.TensorT()
        made.name, made.shape, made.type, made.buffer = name, shape, schema.TensorType.FLOAT32, buffer
        return made

    weights = schema.BufferT()
    weights.data = list(np.array([[1, 0, 0], [0, 0, 1]], np.float32).tobytes())
    layer = schema.OperatorT()
    layer.inputs, layer.outputs = [0, 1, -1], [2]
    layer.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    layer.builtinOptions = schema.FullyConnectedOptionsT()
    graph = schema.SubGraphT()
    graph.tensors = [tensor("p", [1, 1, 1, 3], 0), tensor("w", [2, 3], 1), tensor("s", [1, 2], 0)]
    graph.inputs, graph.outputs, graph.operators = [0], [2], [layer]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    code.version = 1
    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    model.buffers = [schema.BufferT(), weights]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_the_probe_model_is_what_its_lines_make(tmp_path: Path) -> None:
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    flatbuffers = pytest.importorskip(
        "flatbuffers", reason="needs flatbuffers, which the export extra brings"
    )
    pixels = np.array([[[[7, 8, 9]]]], np.uint8)
    answers = []
    for name, data in (("carried", probe_model()), ("made", make_probe(schema, flatbuffers))):
        (tmp_path / f"{name}.tflite").write_bytes(data)
        answers.append(open_engine(tmp_path / f"{name}.tflite").run(pixels).tolist())
    assert answers == [[[7.0, 9.0]], [[7.0, 9.0]]]


def test_an_engine_that_runs_the_probe_is_named() -> None:
    found = check_tflite()
    assert found.state is State.OK
    assert "runs a model" in found.found


def test_without_a_working_engine_the_reasons_and_the_remedy_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "edgecls.runtime.litert.PACKAGES", {"litert": "no_such_litert", "tflite-runtime": "no_such_tflite"}
    )
    found = check_tflite()
    assert found.state is State.MISSING
    assert "litert: No module named 'no_such_litert'" in found.found
    assert "tflite-runtime: No module named 'no_such_tflite'" in found.found
    assert "pip install ai-edge-litert" in found.found


def test_an_engine_that_imports_but_cannot_be_built_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __init__(self, **options: Any) -> None:
            # What tflite_runtime 2.14 says beside numpy 2.
            raise SystemError("CreateWrapperFromFile returned a result with an exception set")

    module = ModuleType("broken_litert")
    module.Interpreter = Broken  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "broken_litert", module)
    monkeypatch.setattr("edgecls.runtime.litert.PACKAGES", {"litert": "broken_litert"})
    found = check_tflite()
    assert found.state is State.MISSING
    assert "exception set" in found.found


def test_an_engine_that_answers_wrongly_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong:
        name = "wrong 1.0"

        def run(self, batch: Any) -> Any:
            return np.zeros((1, 2), np.float32)

        def close(self) -> None:
            pass

    monkeypatch.setattr(engine_check, "open_engine", lambda path: Wrong())
    found = check_tflite()
    assert found.state is State.MISSING
    assert "expected 10 and 30" in found.found


def test_the_providers_of_onnxruntime_are_named() -> None:
    pytest.importorskip("onnxruntime", reason="needs the onnx extra")
    found = check_onnxruntime()
    assert found.state is State.OK
    assert "CPU" in found.found
