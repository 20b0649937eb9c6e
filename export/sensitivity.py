"""Sensitivity: which contiguous part of a network int8 hurts most, found by leaving each in float for once.

Contiguous, because every border between float and int8 costs a conversion on the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import inf

import numpy as np

from edgecls.errors import ModelError
from edgecls.export.candidates import Candidate
from edgecls.export.quantizing import Int8Source, quantize
from edgecls.metrics import Probabilities
from edgecls.preprocess import Pixels
from edgecls.progress import Tick
from edgecls.runtime.arithmetic import arithmetic_for
from edgecls.runtime.engine import open_engine

BLOCKS = 8
PHOTOS = 32  # of the calibration set

Block = tuple[str, ...]  # names of the tensors that its operators compute


def cut_blocks(names: Sequence[str], count: int = BLOCKS) -> list[Block]:
    """Tensors in the order they are computed, in `count` parts of nearly the same length; in fewer of so few."""
    edges = [len(names) * i // count for i in range(count + 1)]
    return [tuple(names[a:b]) for a, b in pairwise(edges) if a < b]


def rank_blocks(source: Int8Source, precision: str, *, tick: Tick) -> list[Block]:
    """The blocks of a network, first the one without which int8 is nearest to float.

    Measured as the mean change of a probability on calibration photos, biases not corrected. A block that cannot stay
    in float, as that of the input, is left out.
    """
    photos = source.pixels[:PHOTOS]
    reference = _answers(source, source.origin, photos)
    target = source.candidate(precision)
    trial = replace(target, path=target.path.with_name(f"trial.{target.format}"))
    blocks = cut_blocks(source.model.names[1:])
    changes = []
    for done, block in enumerate(blocks, start=1):
        try:
            quantize(source, trial, in_float=block)
            changes.append(float(np.abs(_answers(source, trial, photos) - reference).mean()))
        except ModelError:
            changes.append(inf)
        tick(done, len(blocks))
    order = sorted(range(len(blocks)), key=lambda i: changes[i])
    return [blocks[i] for i in order if changes[i] < inf]


def _answers(source: Int8Source, file: Candidate, photos: Pixels) -> Probabilities:
    arithmetic = arithmetic_for(file.format, file.precision, source.machine)
    engine = open_engine(file.path, threads=source.threads, arithmetic=arithmetic)
    answers = engine.run(photos)
    engine.close()
    return answers
