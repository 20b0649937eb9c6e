"""The ladder: int8 made in ever dearer ways, until one is within the gate.

The first rung has everything but the logits in int8. Each further one leaves one more block of the network in float,
those first that int8 hurts most. Every rung is judged on the gate's photos.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgecls.devices.profile import DeviceProfile
from edgecls.errors import ModelError
from edgecls.export.candidates import Candidate, int8_precisions
from edgecls.export.judging import Judge, Look
from edgecls.export.quantizing import Int8Source, make, open_source
from edgecls.export.sensitivity import BLOCKS, Block, rank_blocks
from edgecls.machine import Machine
from edgecls.manifest import Rung
from edgecls.preprocess import Pixels
from edgecls.progress import Announce

# How many of the blocks may stay in float.
EFFORTS = {"quick": 0, "normal": 2, "max": 4}
FIRST = "all but the logits in int8"


@dataclass(frozen=True)
class Climbed:
    """The best file of each precision, what each rung gave, and how unsettled the ranges are (see Ranges.halves)."""

    looks: tuple[Look, ...] = ()
    rungs: tuple[Rung, ...] = ()
    halves: float = 0.0


def climb_all(
    floats: Sequence[Candidate],
    pixels: Pixels,
    judge: Judge,
    *,
    machine: Machine,
    target: DeviceProfile | None,
    threads: int,
    effort: str,
    announce: Announce,
) -> Climbed:
    """int8 of every float candidate."""
    looks: list[Look] = []
    rungs: list[Rung] = []
    halves = 0.0
    for origin in floats:
        precisions = int8_precisions(origin.format, machine, target)
        try:
            source = open_source(origin, pixels, machine=machine, threads=threads, announce=announce)
        except ModelError as error:
            path = origin.path
            failed = [Candidate(path, origin.format, precision, str(error)) for precision in precisions]
            looks += [judge.look(candidate) for candidate in failed]
            continue
        halves = max(halves, source.ranges.halves)
        for precision in precisions:
            best, climbed = climb(source, precision, judge, most=EFFORTS[effort], announce=announce)
            looks.append(best)
            rungs += climbed
    return Climbed(tuple(looks), tuple(rungs), halves)


def climb(
    source: Int8Source, precision: str, judge: Judge, *, most: int, announce: Announce
) -> tuple[Look, list[Rung]]:
    """Rungs with up to `most` blocks in float, up to the first within the gate; else the best of them.

    The file that is taken has the name of its precision, whatever its rung.
    """
    target = source.candidate(precision)
    looks = [_try(source, target, (), judge, announce)]
    names = [FIRST]
    if looks[0].reason and not looks[0].candidate.failure and most:
        words = f"{target.key}, which block int8 hurts"
        blocks = rank_blocks(source, precision, tick=announce(words))[:most]
        for count in range(1, len(blocks) + 1):
            path = target.path.with_name(f"{target.path.stem}.rung{count}.{target.format}")
            looks.append(_try(source, replace(target, path=path), blocks[:count], judge, announce))
            names.append(f"{count} of {BLOCKS} blocks in float")
            if not looks[-1].reason:
                break
    best = min(looks, key=_worth)
    if best.candidate.path != target.path:
        best.candidate.path.replace(target.path)
    rungs = [
        Rung(target.format, precision, name, look.reason, look.gate, look is best, look.candidate.unquantized)
        for name, look in zip(names, looks, strict=True)
    ]
    return replace(best, candidate=replace(best.candidate, path=target.path)), rungs


def _try(
    source: Int8Source, target: Candidate, in_float: Sequence[Block], judge: Judge, announce: Announce
) -> Look:
    """Make and judge one file; a quantizer that fails gives a candidate with its failure."""
    names = [name for block in in_float for name in block]
    try:
        target = replace(target, unquantized=make(source, target, in_float=names, announce=announce))
    except ModelError as error:
        target = replace(target, failure=str(error))
    return judge.look(target)


def _worth(look: Look) -> tuple[bool, float, float]:
    """Within the gate before outside of it, then by what the decided photos and all probabilities say."""
    if look.gate is None:
        return (True, 1.0, 1.0)
    return (bool(look.reason), -look.gate.agreement.decided, look.gate.agreement.mean_change)
