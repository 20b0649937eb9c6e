"""Every usual way to int8 beside edgecls': accuracy, agreement with float, latency, time to make, in one run.

    python benchmarks/compare_int8.py RUN [--photos N] [--rounds 5] [--threads 2] [--csv FILE]

RUN is a training run. Each way gets the same calibration photos and the library's defaults, is judged on the run's test
photos, and takes its turn at latency: a round times every file on the same pictures, so that a drift of the machine
meets all alike. NNCF's row needs the extra `compare`. Where the machine's ONNX kernels saturate, such a file has a
second row in exact arithmetic.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from edgecls.calibration.selection import choose_calibration
from edgecls.data import Loaded, load_pixels
from edgecls.devices.detect import detect_machine
from edgecls.errors import need
from edgecls.export.candidates import Candidate, make_float
from edgecls.export.convert_worker import KERAS_FORMATS, batch_of_one
from edgecls.export.int8_onnx import calibration_reader, prepare_onnx
from edgecls.export.onnx_graph import prune
from edgecls.export.quantizing import make_int8
from edgecls.machine import Machine
from edgecls.metrics import Agreement, Probabilities, Proportion, compare, top1
from edgecls.preprocess import Pixels
from edgecls.progress import Tick
from edgecls.runs import find_run, read_run, recall_data, run_model
from edgecls.runtime.engine import Engine, open_engine
from edgecls.runtime.timing import elapsed_ms, monotonic

TIMED_PICTURES = 50


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


@dataclass
class Row:
    """One file's figures; `seconds` is what making it took, from the float file on where there is one."""

    name: str
    path: Path
    arithmetic: str
    seconds: float
    top1: Proportion
    agreement: Agreement
    samples_ms: list[float] = field(default_factory=list)

    def cells(self) -> list[str]:
        a = self.agreement
        return [
            self.name,
            self.arithmetic,
            f"{100 * self.top1.value:.1f}",
            f"{100 * a.overall:.1f}",
            f"{100 * a.decided:.1f}",
            f"{a.mean_change:.4f}",
            f"{np.median(self.samples_ms):.2f}" if self.samples_ms else "",
            f"{self.seconds:.0f}",
        ]


COLUMNS = (
    "way", "arithmetic", "top-1 %", "agreement %", "of decided %", "mean change", "ms", "seconds to make",
)  # fmt: skip


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
    """plain.tflite and plain.onnx, as Keras exports the model: what the others' quantizers start from."""
    keras = need("keras", "train")
    model = keras.models.load_model(work.model, compile=False)
    signature = [batch_of_one(model)]
    for name, kind in KERAS_FORMATS.items():
        model.export(work.path(f"keras.{name}"), format=kind, input_signature=signature, verbose=False)
    work.path("keras.tflite").rename(work.path("plain.tflite"))
    prepare_onnx(work.path("keras.onnx"), work.path("plain.onnx"))


def litert_quantizer(work: Work) -> Path:
    """litert-quantizer's static int8 recipe with its own calibration."""
    quantizers, recipe = (
        need("litert_quantizer.quantizer", "export"),
        need("litert_quantizer.recipe", "export"),
    )
    source = work.path("plain.tflite")
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
    source, target = work.path("plain.onnx"), work.path(f"{name}.onnx")
    image = onnx.load(source).graph.input[0].name

    photos = calibration_reader(quantization, work.calibration.pixels, image)
    quantization.quantize_static(str(source), str(target), photos, **options)
    return target


def nncf(work: Work) -> Path:
    """NNCF's post-training quantization of the ONNX file, fast bias correction."""
    nncf, onnx = need("nncf", "compare"), need("onnx", "export")
    model = onnx.load(work.path("plain.onnx"))
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
    return make_int8(source, pixels, machine=work.machine, threads=work.threads, announce=_quiet).path


def ways() -> dict[str, Callable[[Work], Path]]:
    """The ways by name, with the library's defaults unless the name says otherwise."""
    found: dict[str, Callable[[Work], Path]] = {
        "TFLiteConverter int8": tflite_converter,
        "litert-quantizer static int8": litert_quantizer,
        "edgecls int8 TFLite": lambda work: edgecls(work, "tflite"),
        "ORT quantize_static": lambda work: ort(work, "ort"),
        "ORT per channel": lambda work: ort(work, "ort-per-channel", per_channel=True),
        "ORT per channel, reduce_range": lambda work: ort(
            work, "ort-reduced", per_channel=True, reduce_range=True
        ),
    }
    if find_spec("nncf"):
        found["NNCF"] = nncf
    return found | {"edgecls int8 ONNX": lambda work: edgecls(work, "onnx")}


def _quiet(description: str) -> Tick:
    return lambda done, total: None


def answers(engine: Engine, pixels: Pixels) -> Probabilities:
    return np.concatenate([engine.run(pixels[start : start + 16]) for start in range(0, len(pixels), 16)])


def measure(
    name: str, path: Path, test: Loaded, reference: Probabilities | None, work: Work, seconds: float
) -> list[Row]:
    """A row, and a second one in exact arithmetic where the machine's own saturates."""
    saturates = work.machine.saturates and path.suffix == ".onnx" and reference is not None
    rows = []
    for arithmetic in ["native", "exact"] if saturates else ["native"]:
        engine = open_engine(path, threads=work.threads, arithmetic=arithmetic)
        found = answers(engine, test.pixels)
        engine.close()
        base = found if reference is None else reference
        rows.append(
            Row(name, path, arithmetic, seconds, top1(found, test.truth), compare(base, found, test.truth))
        )
    return rows


def time_rows(rows: list[Row], pixels: Pixels, *, rounds: int, threads: int) -> None:
    """Fill in `samples_ms` of the rows in native arithmetic, in turns."""
    timed = [(row, open_engine(row.path, threads=threads)) for row in rows if row.arithmetic == "native"]
    for number in range(rounds + 1):  # the first round warms up
        for row, engine in timed:
            for picture in pixels:
                start = monotonic()
                engine.run(picture[np.newaxis])
                if number:
                    row.samples_ms.append(elapsed_ms(start, monotonic()))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("run", help="folder or name of a training run")
    parser.add_argument("--calibration", type=int, default=100, help="calibration photos")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--csv", type=Path, help="write the figures here, a row each")
    options = parser.parse_args()
    folder = find_run(options.run)
    record = read_run(folder)
    data = recall_data(folder, record)
    test = load_pixels(data.test, record.preprocess)
    calibration = choose_calibration(
        data.train, record.preprocess, record.labels, count=options.calibration
    ).loaded
    with tempfile.TemporaryDirectory() as room:
        work = Work(Path(room), run_model(folder, record), calibration, detect_machine(), options.threads)
        rows = make_rows(work, test)
        time_rows(rows, test.pixels[:TIMED_PICTURES], rounds=options.rounds, threads=options.threads)
    show(rows, work, len(test))
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([COLUMNS, *(row.cells() for row in rows)])


def make_rows(work: Work, test: Loaded) -> list[Row]:
    start = monotonic()
    make_float(work.model, work.folder, ("tflite", "onnx"), parity=work.calibration.pixels, announce=_quiet)
    seconds = elapsed_ms(start, monotonic()) / 1000
    convert_plainly(work)
    rows = []
    for format in ("tflite", "onnx"):
        rows += measure(f"float {format}", work.path(f"model.float32.{format}"), test, None, work, seconds)
    engine = open_engine(work.path("model.float32.tflite"), threads=work.threads)
    reference = answers(engine, test.pixels)
    for name, make in ways().items():
        start = monotonic()
        path = make(work)
        rows += measure(name, path, test, reference, work, elapsed_ms(start, monotonic()) / 1000)
        print(" | ".join(rows[-1].cells()), flush=True)
    return rows


def show(rows: list[Row], work: Work, photos: int) -> None:
    machine = work.machine
    print(f"\n{photos} test photos, {len(work.calibration)} calibration photos, {work.threads} threads, "
          f"{machine.processor}, {machine.cores} cores, int8: {machine.int8_dot}\n")  # fmt: skip
    print("| " + " | ".join(COLUMNS) + " |")
    print("|---|---|" + "---:|" * (len(COLUMNS) - 2))
    for row in rows:
        print("| " + " | ".join(row.cells()) + " |")


if __name__ == "__main__":
    main()
