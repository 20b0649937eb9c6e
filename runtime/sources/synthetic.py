"""SyntheticSource: a moving pattern, the same on every machine, for trying things without a camera."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np

from edgecls.preprocess import Pixels
from edgecls.runtime.sources.source import USUAL_FPS, Closing, Fault, Frame
from edgecls.runtime.timing import Clock, monotonic

STEP = 4  # pixels that the pattern moves with each frame


class SyntheticSource(Closing):
    """Diagonal colour stripes that wander to the left, without end; frame i is the same everywhere."""

    live = False
    fps = USUAL_FPS
    patience_s = float("inf")

    def __init__(self, width: int, height: int, *, name: str, clock: Clock = monotonic) -> None:
        self.name = name
        self.faults: deque[Fault] = deque()
        self._pattern = _stripes(width, height)
        self._clock = clock
        self._closed = False

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        while not self._closed:
            shifted = np.roll(self._pattern, -STEP * index, axis=1)
            yield Frame(shifted, index, self._clock())
            index += 1

    def close(self) -> None:
        self._closed = True


def _stripes(width: int, height: int) -> Pixels:
    """uint8 (height, width, 3); a channel's value grows along the diagonal, each at its own pace."""
    across, down = (np.arange(side).astype(np.uint8) for side in (width, height))
    diagonal = across + down[:, np.newaxis]  # modulo 256, as all that follows
    return np.stack([diagonal, 2 * diagonal, 3 * diagonal], axis=2)
