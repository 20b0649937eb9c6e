"""Watcher: what is said stands still where single frames flicker, and is taken back when frames stop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from edgecls.errors import UsageError
from edgecls.labels import Labels
from edgecls.runtime.watcher import Event, Steadiness, Watcher

LABELS = Labels(("red", "green", "blue"))
STEP_NS = 100_000_000  # ten frames a second
RED, GREEN = (0.9, 0.05, 0.05), (0.05, 0.9, 0.05)
PLAIN = Steadiness(smooth_s=0, confirm=1, of=1, hysteresis=0, hold_s=0)


def show(watcher: Watcher, frames: Sequence[Sequence[float]], *, first: int = 0) -> list[Event]:
    """Let a watcher see frames; their number is the time in tenths of a second."""
    events = []
    for number, scores in enumerate(frames, first):
        at_ns = number * STEP_NS
        events += watcher.see(np.array(scores, np.float32), at_ns, frame=number, unix_ns=0)
    return events


def told(events: list[Event]) -> list[tuple[str, str, int]]:
    return [(event.kind, event.label, event.frame) for event in events]


def test_without_steadiness_every_change_is_told_with_how_long_it_was_there() -> None:
    events = show(Watcher(LABELS, steadiness=PLAIN), [RED, RED, RED, GREEN])
    assert told(events) == [("enter", "red", 0), ("leave", "red", 3), ("enter", "green", 3)]
    assert events[1].duration_s == pytest.approx(0.3)


def test_a_label_comes_when_k_of_n_frames_are_for_it() -> None:
    steady = Steadiness(smooth_s=0, confirm=3, of=5, hysteresis=0, hold_s=0)
    assert told(show(Watcher(LABELS, steadiness=steady), [RED, GREEN, RED, GREEN, RED])) == [
        ("enter", "red", 4)
    ]
    assert told(show(Watcher(LABELS, steadiness=steady), [RED, GREEN, RED, GREEN])) == []


def test_smoothing_outlasts_a_flicker_and_depends_on_time_and_not_on_the_frame_rate() -> None:
    smooth = Steadiness(smooth_s=0.5, confirm=1, of=1, hysteresis=0, hold_s=0)
    watcher = Watcher(LABELS, steadiness=smooth)
    assert told(show(watcher, [RED] * 10 + [GREEN] * 2 + [RED] * 5)) == [("enter", "red", 0)]
    fast, slow = Watcher(LABELS, steadiness=smooth), Watcher(LABELS, steadiness=smooth)
    show(fast, [RED] + [GREEN] * 10)
    slow.see(np.array(RED, np.float32), 0, frame=0, unix_ns=0)
    slow.see(np.array(GREEN, np.float32), 10 * STEP_NS, frame=1, unix_ns=0)
    assert fast.seen is not None
    assert slow.seen is not None
    assert fast.seen.confidence == pytest.approx(slow.seen.confidence, abs=1e-5)


def test_what_is_said_stays_until_another_is_clearly_above_it() -> None:
    steady = Steadiness(smooth_s=0, confirm=1, of=1, hysteresis=0.2, hold_s=0)
    watcher = Watcher(LABELS, steadiness=steady)
    assert told(show(watcher, [(0.6, 0.4, 0), (0.45, 0.55, 0), (0.35, 0.65, 0)])) == [
        ("enter", "red", 0), ("leave", "red", 2), ("enter", "green", 2),
    ]  # fmt: skip


def test_below_its_threshold_nothing_is_said_and_hysteresis_lowers_it_for_what_is() -> None:
    steady = Steadiness(smooth_s=0, confirm=1, of=1, hysteresis=0.1, hold_s=0)
    watcher = Watcher(LABELS, (0.7, 0.95, 0.5), steady)
    frames = [GREEN, (0.65, 0.3, 0.05), (0.72, 0.2, 0.08), (0.65, 0.3, 0.05), (0.55, 0.4, 0.05)]
    assert told(show(watcher, frames)) == [("enter", "red", 2), ("leave", "red", 4)]
    assert watcher.seen is None


def test_a_threshold_of_1_is_never_passed_however_sure_the_answer() -> None:
    certain = [(1.0, 0.0, 0.0)] * 5
    assert told(show(Watcher(LABELS, (1.0, 0.0, 0.0), PLAIN), certain)) == []
    assert told(show(Watcher(LABELS, (0.0, 1.0, 1.0), PLAIN), certain)) == [("enter", "red", 0)]


def test_what_was_said_is_held_for_a_while() -> None:
    steady = Steadiness(smooth_s=0, confirm=1, of=1, hysteresis=0, hold_s=1.0)
    events = show(Watcher(LABELS, steadiness=steady), [RED] + [GREEN] * 12)
    assert told(events) == [("enter", "red", 0), ("leave", "red", 10), ("enter", "green", 10)]


def test_when_frames_stop_what_was_there_is_left_at_its_last_frame() -> None:
    watcher = Watcher(LABELS, steadiness=PLAIN)
    show(watcher, [RED] * 5)
    (event,) = watcher.lose(frame=4, unix_ns=0)
    assert (event.kind, event.reason) == ("leave", "no frames")
    assert event.duration_s == pytest.approx(0.4)
    assert watcher.seen is None
    assert watcher.lose(frame=4, unix_ns=0) == []


def test_frames_far_apart_or_backwards_begin_anew() -> None:
    for later in (100, -50):
        watcher = Watcher(LABELS, steadiness=PLAIN)
        show(watcher, [RED], first=50)
        events = show(watcher, [RED], first=50 + later)
        assert [(event.kind, event.reason) for event in events] == [("leave", "no frames"), ("enter", "seen")]


@pytest.mark.parametrize(
    "wrong",
    [{"confirm": 6}, {"confirm": 0}, {"smooth_s": -1.0}, {"hold_s": float("nan")}, {"hysteresis": 1.0}],
)
def test_values_that_make_no_sense_are_wrong_use(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Steadiness(**wrong)  # type: ignore[arg-type]
