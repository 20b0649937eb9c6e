"""The parts that `edgecls run` puts together: what the model knows reaches the watcher."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecls.cli.run_parts import make_watcher
from edgecls.runtime.model_file import ModelFile
from edgecls.runtime.selection import Selection
from edgecls.runtime.sources.grammar import open_source
from edgecls.runtime.watcher import Steadiness

TINY = Path(__file__).parents[1] / "data" / "tiny"
PLAIN = Steadiness(smooth_s=0, confirm=1, of=1, hysteresis=0, hold_s=0)


@pytest.mark.parametrize(("scores", "events"), [((0.9, 0.1, 0.0), []), ((0.1, 0.9, 0.0), ["green"])])
def test_events_obey_the_thresholds_of_the_model(scores: tuple[float, ...], events: list[str]) -> None:
    model = ModelFile.from_file(TINY / "tiny.int8.tflite")
    strict = replace(model, card=replace(model.card, thresholds=(0.95, 0.5, 0.0)))
    source = open_source("synthetic://16x16@30")
    try:
        watcher = make_watcher(source, Selection(strict, None), PLAIN)
    finally:
        source.close()
    assert watcher is not None
    seen = watcher.see(np.array(scores, np.float32), 0, frame=0, unix_ns=0)
    assert [event.label for event in seen] == events
