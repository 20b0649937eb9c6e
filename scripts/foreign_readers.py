"""Other people's readers on a bundle's files: do they load them, and do they give the bundle's own answers?

    python scripts/foreign_readers.py BUNDLE [--reader mediapipe] [--reader opencv] [--reader openvino]

MediaPipe's ImageClassifier takes every .tflite and must name the label that the bundle stored, for every golden photo.
OpenCV's dnn and OpenVINO take the float .onnx and must give its probabilities within 1e-3. Each reader is its own
package: mediapipe brings another OpenCV, so give it an environment of its own, with numpy alone beside it. Nothing of
edgecls is imported. Without --reader, every one that is installed is asked. Exit code 1 when one differs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

TOLERANCE = 1e-3
PACKAGES = {"mediapipe": "mediapipe", "opencv": "cv2", "openvino": "openvino"}

Report = Callable[[str, bool, str], None]  # file, agrees, what was found


def ask_mediapipe(bundle: Path, manifest: dict[str, Any], golden: Any, report: Report) -> None:
    import mediapipe as mp
    from mediapipe.tasks.python import BaseOptions, vision

    labels = manifest["labels"]
    for variant in manifest["variants"]:
        if variant["format"] != "tflite":
            continue
        options = vision.ImageClassifierOptions(
            base_options=BaseOptions(model_asset_path=str(bundle / variant["file"])), max_results=1
        )
        same = 0
        with vision.ImageClassifier.create_from_options(options) as classifier:
            for pixels, expected in zip(golden["pixels"], golden[variant["file"]], strict=True):
                image = mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(pixels))
                best = classifier.classify(image).classifications[0].categories[0]
                same += best.category_name == labels[int(expected.argmax())]
        count = len(golden["pixels"])
        report(variant["file"], same == count, f"{same} of {count} labels as stored")


def ask_opencv(bundle: Path, manifest: dict[str, Any], golden: Any, report: Report) -> None:
    import cv2

    file = "model.float32.onnx"
    network = cv2.dnn.readNetFromONNX(str(bundle / file))
    found = []
    for pixels in golden["pixels"]:
        network.setInput(pixels[np.newaxis].astype(np.float32))
        found.append(network.forward()[0])
    _compare(file, np.array(found), golden[file], report)


def ask_openvino(bundle: Path, manifest: dict[str, Any], golden: Any, report: Report) -> None:
    import openvino

    file = "model.float32.onnx"
    core = openvino.Core()
    model = core.compile_model(
        core.read_model(bundle / file),
        "CPU",
        {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"},
    )
    found = [model(pixels[np.newaxis].astype(np.float32))[0][0] for pixels in golden["pixels"]]
    _compare(file, np.array(found), golden[file], report)


def _compare(file: str, found: Any, expected: Any, report: Report) -> None:
    difference = float(np.abs(found - expected).max())
    report(file, difference <= TOLERANCE, f"largest difference of a probability {difference:.2g}")


ASK = {"mediapipe": ask_mediapipe, "opencv": ask_opencv, "openvino": ask_openvino}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--reader", action="append", choices=list(ASK))
    options = parser.parse_args()
    if not (options.bundle / "manifest.json").is_file():
        print(
            f"{options.bundle}: expected a bundle (a folder with manifest.json), found none", file=sys.stderr
        )
        return 2
    manifest = json.loads((options.bundle / "manifest.json").read_text(encoding="utf-8"))
    readers = options.reader or [name for name, package in PACKAGES.items() if find_spec(package)]
    if not readers:
        print(f"expected one of {', '.join(PACKAGES.values())} installed, found none", file=sys.stderr)
        return 2
    verdicts = []
    with np.load(options.bundle / "golden.npz", allow_pickle=False) as golden:
        for name in readers:

            def report(file: str, agrees: bool, words: str, name: str = name) -> None:
                verdicts.append(agrees)
                print(f"{'ok  ' if agrees else 'FAIL'} {name:10} {file:22} {words}", flush=True)

            ASK[name](options.bundle, manifest, golden, report)
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
