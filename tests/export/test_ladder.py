"""The ladder: rungs up to the first within the gate, the best kept under one name, blocks left in float for real."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.calibration.ranges import Ranges
from edgecls.calibration.selection import choose_calibration
from edgecls.devices.detect import detect_machine
from edgecls.errors import GateError, ModelError
from edgecls.export import ladder, quantizing
from edgecls.export.candidates import Candidate
from edgecls.export.export import ExportResult
from edgecls.export.int8_tflite import quantize_tflite
from edgecls.export.judging import Look
from edgecls.export.ladder import EFFORTS, FIRST, climb
from edgecls.export.options import ExportOptions
from edgecls.export.quantizing import Int8Source, make, open_source, quantize
from edgecls.export.rounded_weights import ROUNDED
from edgecls.export.sensitivity import cut_blocks, rank_blocks
from edgecls.export.tflite_graph import layers_with_bias, read_constant, read_model
from edgecls.export.unquantized import unquantized
from edgecls.manifest import Measurement
from edgecls.metrics import Probabilities, compare, top1
from edgecls.preprocess import Pixels
from edgecls.progress import Announce, Tick

pytestmark = pytest.mark.xdist_group("export")

Export = Callable[..., ExportResult]

FLOAT32, INT32, INT8 = 0, 2, 9  # TensorType in the schema of TFLite


def silent(description: str) -> Tick:
    return lambda done, total: None


def test_blocks_are_contiguous_and_together_the_whole() -> None:
    names = [f"t{i}" for i in range(19)]
    blocks = cut_blocks(names, 8)
    assert [name for block in blocks for name in block] == names
    assert {len(block) for block in blocks} == {2, 3}


def test_of_few_tensors_each_is_a_block() -> None:
    assert cut_blocks(["a", "b"], 8) == [("a",), ("b",)]


def look_at(candidate: Candidate, wrong: int) -> Look:
    """Figures of 100 photos, of which a file answers `wrong` otherwise than float; 2 are within the gate."""
    answers: Probabilities = np.tile(np.array([[0.9, 0.1]], np.float32), (100, 1))
    changed = answers.copy()
    changed[:wrong] = changed[:wrong, ::-1]
    truth = np.zeros(100, np.int64)
    gate = Measurement("x", top1(changed, truth), compare(answers, changed, truth), "litert 2", "native")
    return Look(candidate, gate, changed, "" if wrong <= 2 else f"{wrong} wrong")


class Judge:
    """Finds as many wrong as the file's one number says."""

    def look(self, candidate: Candidate) -> Look:
        if candidate.failure:
            return Look(candidate, None, np.zeros((0, 0), np.float32), candidate.failure)
        return look_at(candidate, int(candidate.path.read_text()))


@pytest.fixture
def climbing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Climbs where the file with so many blocks in float has so many wrong answers; a negative number is a failure."""

    def climb_over(wrong: list[int], most: int) -> Any:
        def write(
            source: Int8Source, target: Candidate, *, in_float: Collection[str], announce: Announce
        ) -> tuple[str, ...]:
            found = wrong[len(in_float)]
            if found < 0:
                raise ModelError("the quantizer failed")
            target.path.write_text(str(found))
            return ("ERF",)

        monkeypatch.setattr(ladder, "make", write)
        monkeypatch.setattr(
            ladder, "rank_blocks", lambda *arguments, **options: [(f"tensor{i}",) for i in range(8)]
        )
        origin = Candidate(tmp_path / "model.float32.tflite", "tflite", "float32")
        empty: Any = None
        pixels: Pixels = np.zeros((1, 2, 2, 3), np.uint8)
        source = Int8Source(origin, empty, Ranges({}, 0.0), pixels, detect_machine(), 1, {})
        judge: Any = Judge()
        return climb(source, "int8", judge, most=most, announce=silent)

    return climb_over


def test_what_is_within_the_gate_at_once_climbs_no_further(climbing: Callable[..., Any]) -> None:
    best, rungs = climbing([1, 0], 4)
    assert best.reason == ""
    assert [(rung.name, rung.reason, rung.taken) for rung in rungs] == [(FIRST, "", True)]
    assert rungs[0].unquantized == ("ERF",)


def test_the_first_rung_within_the_gate_is_taken_under_the_name_of_its_precision(
    climbing: Callable[..., Any], tmp_path: Path
) -> None:
    best, rungs = climbing([9, 5, 2, 0], 4)
    assert [(rung.name, rung.taken) for rung in rungs] == [
        (FIRST, False), ("1 of 8 blocks in float", False), ("2 of 8 blocks in float", True),
    ]  # fmt: skip
    assert best.candidate.path == tmp_path / "model.int8.tflite"
    assert best.candidate.path.read_text() == "2"


def test_when_none_is_within_the_gate_the_best_is_kept_with_its_reason(
    climbing: Callable[..., Any], tmp_path: Path
) -> None:
    best, rungs = climbing([9, 5, 7], 2)
    assert best.reason == "5 wrong"
    assert (tmp_path / "model.int8.tflite").read_text() == "5"
    assert [rung.taken for rung in rungs] == [False, True, False]


def test_quick_has_no_block_in_float(climbing: Callable[..., Any]) -> None:
    _, rungs = climbing([9, 0], EFFORTS["quick"])
    assert [rung.name for rung in rungs] == [FIRST]
    assert EFFORTS["quick"] < EFFORTS["normal"] < EFFORTS["max"]


def test_a_quantizer_that_fails_at_once_is_not_tried_again(climbing: Callable[..., Any]) -> None:
    best, rungs = climbing([-1, 0], 4)
    assert best.reason == "the quantizer failed"
    assert len(rungs) == 1


def test_a_rung_that_fails_is_told_and_the_next_is_tried(climbing: Callable[..., Any]) -> None:
    best, rungs = climbing([9, -1, 1], 4)
    assert [rung.reason for rung in rungs] == ["9 wrong", "the quantizer failed", ""]
    assert best.candidate.path.read_text() == "1"


def source_of(trained: Any, origin: Path) -> Int8Source:
    dataset, preprocess = trained.dataset, trained.record.preprocess
    chosen = choose_calibration(dataset.train, preprocess, dataset.labels.names, count=20)
    candidate = Candidate(origin, origin.suffix.lstrip("."), "float32")
    return open_source(candidate, chosen.loaded.pixels, machine=detect_machine(), threads=1, announce=silent)


@pytest.fixture(params=["tflite", "onnx"])
def source(
    request: pytest.FixtureRequest, trained: Any, exported: ExportResult, tmp_path: Path
) -> Int8Source:
    if request.param == "onnx":
        pytest.importorskip("onnx", reason="needs the export extra")
    copy = tmp_path / f"model.float32.{request.param}"
    copy.write_bytes((exported.bundle.folder / copy.name).read_bytes())
    shutil.copy(trained.floats / ROUNDED, tmp_path)
    return source_of(trained, copy)


def tensor_types(path: Path) -> dict[str, str]:
    """What each tensor that an operator computes is computed in."""
    if path.suffix == ".tflite":
        tensors = read_model(path).subgraphs[0].tensors
        return {t.name.decode(): {FLOAT32: "float", INT8: "int8"}.get(t.type, "") for t in tensors}
    nodes = pytest.importorskip("onnx").load(path).graph.node
    back = {name for node in nodes if node.op_type == "DequantizeLinear" for name in node.output}
    # A weight that comes out of a DequantizeLinear is int8; so is then what is computed with it.
    return {
        node.output[0]: "int8" if node.input[1] in back else "float" for node in nodes if len(node.input) > 2
    }


def test_a_block_left_in_float_keeps_its_weights_and_its_activations(source: Int8Source) -> None:
    whole = source.candidate("int8")
    part = replace(whole, path=whole.path.with_name(f"part.{whole.format}"))
    names = source.model.names
    kept = names[len(names) // 2 :]
    quantize(source, part, in_float=kept)
    types = tensor_types(part.path)
    assert {types[name] for name in kept if name in types} == {"float"}
    assert "int8" in {types.get(name) for name in names[: len(names) // 2]}


def test_int8_holds_the_weights_that_were_rounded_as_whole_steps(source: Int8Source) -> None:
    target = source.candidate("int8")
    quantize(source, target)
    rounded, plain = source.rounded, float_weights(source.origin.path)
    held = int8_weights(target.path)
    assert len(held) == 2, "two convolutions; the logits are in float"
    moved = 0
    for name, real in held.items():
        step = np.abs(plain[name]).max() / 127
        np.testing.assert_allclose(real, rounded[name], atol=1e-3 * step)
        moved += int((np.abs(real - plain[name]) > 0.501 * step).sum())
    assert moved, "none goes the other way than to nearest"


def float_weights(path: Path) -> dict[str, Any]:
    """Weights of a float model, by what its layers compute in TFLite, by their own name in ONNX."""
    if path.suffix == ".tflite":
        model = read_model(path)
        return {
            layer.name: read_constant(model, layer.weights, np.float32).reshape(layer.weights.shape)
            for layer in layers_with_bias(model)
        }
    onnx = pytest.importorskip("onnx")
    return {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}


def int8_weights(path: Path) -> dict[str, Any]:
    """Those of an int8 model in real numbers, by the same names; its first axis is that of the scales."""
    if path.suffix == ".tflite":
        model, found = read_model(path), {}
        for layer in layers_with_bias(model):
            weights = layer.weights
            if weights.type == INT8:
                assert weights.quantization.quantizedDimension == 0
                steps = read_constant(model, weights, np.int8).reshape(weights.shape)
                found[layer.name] = steps * np.reshape(weights.quantization.scale, (-1, 1, 1, 1))
        return found
    there = float_weights(path)
    whole = {name: values for name, values in there.items() if values.dtype == np.int8 and values.ndim == 4}
    return {
        name.removesuffix("_quantized"): values
        * there[name.replace("_quantized", "_scale")].reshape(-1, 1, 1, 1)
        for name, values in whole.items()
    }


def test_what_stays_in_float_unasked_is_named(source: Int8Source) -> None:
    target, names = source.candidate("int8"), source.model.names
    assert make(source, target, announce=silent) == ()
    kept = names[len(names) // 2 :]
    quantize(source, target, in_float=kept)
    found = unquantized(target, kept)
    assert {kind.upper() for kind in found} & {"CONV", "CONV_2D"}
    assert "SOFTMAX" not in {kind.upper() for kind in found}, "that is edgecls' own choice"


def test_blocks_are_ranked_by_what_leaving_them_in_float_gives(source: Int8Source) -> None:
    seen: list[tuple[int, int]] = []
    ranked = rank_blocks(source, "int8", tick=lambda done, total: seen.append((done, total)))
    blocks = cut_blocks(source.model.names[1:])
    assert set(ranked) < set(blocks), "that of the input cannot stay in float"
    assert seen[-1] == (len(blocks), len(blocks))


def test_an_export_climbs_and_the_bundle_tells_what_each_rung_gave(
    export_quickly: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = quantize_tflite

    def spoil(origin: Path, target: Path, ranges: Any, photo: Pixels, **options: Any) -> None:
        """With no block in float the ranges are so wide that nothing is left of the picture."""
        wide = ranges if len(options["in_float"]) > 1 else dict.fromkeys(ranges, (-10000.0, 10000.0))
        real(origin, target, wide, photo, **options)

    monkeypatch.setattr(quantizing, "quantize_tflite", spoil)
    manifest = export_quickly().bundle.manifest
    assert "tflite int8" in {variant.key for variant in manifest.variants}
    first, *others = [rung for rung in manifest.rungs if rung.format == "tflite"]
    assert (first.name, first.taken) == (FIRST, False)
    assert "points below float" in first.reason
    assert [rung.taken for rung in others] == [False] * (len(others) - 1) + [True]
    assert others[-1].reason == ""
    assert [rung.name for rung in manifest.rungs if rung.format == "onnx"] == [FIRST]


def test_with_quick_the_same_is_refused(
    export_quickly: Export, options: ExportOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = quantize_tflite

    def spoil(origin: Path, target: Path, ranges: Any, photo: Pixels, **others: Any) -> None:
        real(origin, target, dict.fromkeys(ranges, (-10000.0, 10000.0)), photo, **others)

    monkeypatch.setattr(quantizing, "quantize_tflite", spoil)
    with pytest.raises(GateError, match=r"try harder with --effort max"):
        export_quickly(replace(options, effort="quick", formats=("tflite",), named=True))
