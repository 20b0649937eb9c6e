"""MediaPipe's side of frame_loops.py, in an environment of its own: MODEL COUNT HEIGHT WIDTH, frames on stdin.

Needs mediapipe alone. First come COUNT frames, uint8 BGR; then, for each line with a frame's number, the ms that it took
from those pixels to the best label are printed.
"""

from __future__ import annotations

import sys
import time

import cv2
import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision

model, count, height, width = sys.argv[1], *(int(word) for word in sys.argv[2:])
size = height * width * 3
frames = [
    np.frombuffer(sys.stdin.buffer.read(size), np.uint8).reshape(height, width, 3) for _ in range(count)
]
options = vision.ImageClassifierOptions(base_options=BaseOptions(model_asset_path=model), max_results=1)
with vision.ImageClassifier.create_from_options(options) as classifier:
    for line in sys.stdin.buffer:
        frame = frames[int(line)]
        started = time.monotonic()
        image = mp.Image(image_format=mp.ImageFormat.SRGB, data=cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
        classifier.classify(image)
        print((time.monotonic() - started) * 1e3, flush=True)
