"""Which photos, and which ranges from them: int8 TFLite of one run beside its float file, over several seeds.

    python benchmarks/calibration_choices.py RUN [--seeds 5] [--photos 200]

A fair draw of the training photos against half of it with the photos that differ most (as `edgecls export` has it), and
ranges over all values against ranges of least square error. Biases are corrected in each. Choices are made by the
training photos that calibration did not see and by the validation photos; the test photos are told beside them.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgecls.calibration.ranges import Ranges, Walk, find_extremes, find_ranges, unite
from edgecls.calibration.selection import choose_calibration
from edgecls.data import Loaded, load_pixels
from edgecls.devices.detect import detect_machine
from edgecls.export.activations_tflite import TfliteActivations
from edgecls.export.candidates import Candidate, make_float
from edgecls.export.quantizing import Int8Source, make
from edgecls.export.rounded_weights import ROUNDED, rounded_of
from edgecls.metrics import compare
from edgecls.photos import DataSet
from edgecls.preprocess import Pixels
from edgecls.progress import Tick
from edgecls.runs import RunRecord, find_run, read_run, recall_data, run_model
from edgecls.runtime.engine import open_engine
from edgecls.splits import draw_stratified

UNSEEN = 600  # training photos that calibration did not see
Method = Callable[[Walk, Pixels], Ranges]


def quiet(description: str) -> Tick:
    return lambda done, total: None


def all_values(walk: Walk, pixels: Pixels) -> Ranges:
    """From the lowest to the highest value of each tensor."""
    return Ranges(unite(*find_extremes(walk, pixels)), 0.0)


def draws(data: DataSet, record: RunRecord, count: int, seed: int) -> Iterator[tuple[str, Loaded]]:
    fair = draw_stratified(list(data.train), count, seed=seed)
    yield "fair draw", load_pixels(fair, record.preprocess)
    yield (
        "half k-centre",
        choose_calibration(data.train, record.preprocess, record.labels, count=count, seed=seed).loaded,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("run", help="folder or name of a training run")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    folder = find_run(options.run)
    record = read_run(folder)
    data = recall_data(folder, record)
    train, test = (load_pixels(photos, record.preprocess) for photos in (data.train, data.test))
    validation = load_pixels(data.validation, record.preprocess)
    methods: dict[str, Method] = {"all values": all_values, "least square error": find_ranges}
    print("seed | photos | ranges | change, judged | change, test | all, test | decided, test")
    with tempfile.TemporaryDirectory() as room:
        (origin,) = make_float(
            run_model(folder, record),
            Path(room),
            ("tflite",),
            photos=validation.pixels,
            for_int8=True,
            announce=quiet,
        )
        model = TfliteActivations(origin.path, threads=options.threads)
        source = Int8Source(
            origin,
            model,
            Ranges({}, 0.0),
            validation.pixels,
            detect_machine(),
            options.threads,
            rounded_of(origin.path, origin.path.with_name(ROUNDED)),
        )
        for seed in range(options.seeds):
            for drawn, calibration in draws(data, record, options.photos, seed):
                seen = {photo.digest for photo in calibration.photos}
                unseen = [i for i, photo in enumerate(train.photos) if photo.digest not in seen][:UNSEEN]
                judged = Loaded(
                    np.concatenate([validation.pixels, train.pixels[unseen]]),
                    np.concatenate([validation.truth, train.truth[unseen]]),
                    (),
                    (),
                )
                for method, find in methods.items():
                    ranges = find(model.walk, calibration.pixels)
                    made = source.candidate("int8")
                    make(replace(source, ranges=ranges, pixels=calibration.pixels), made, announce=quiet)
                    on_judged, on_test = (compare_files(source, made, photos) for photos in (judged, test))
                    print(
                        f"{seed} | {drawn} | {method} | {on_judged[0]:.5f} | {on_test[0]:.5f} | "
                        f"{100 * on_test[1]:.2f} | {100 * on_test[2]:.2f}",
                        flush=True,
                    )


def compare_files(source: Int8Source, made: Candidate, photos: Loaded) -> tuple[float, float, float]:
    """Mean change of a probability, and agreement over all and over decided photos."""
    answers = []
    for file in (source.origin, made):
        engine = open_engine(file.path, threads=source.threads)
        answers.append(np.concatenate([engine.run(picture[np.newaxis]) for picture in photos.pixels]))
        engine.close()
    found = compare(answers[0], answers[1], photos.truth)
    return found.mean_change, found.overall, found.decided


if __name__ == "__main__":
    main()
