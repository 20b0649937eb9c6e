"""Outlets: no sink holds up the pipeline, nothing grows, and a sink that dies is never silent."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Any

import numpy as np
import pytest

from edgecls.errors import DeviceError, EdgeclsError
from edgecls.prediction import Prediction
from edgecls.runtime.sinks.outlet import RESULTS_KEPT, Outlet, Outlets
from edgecls.runtime.sinks.sink import Losses, Result, SinkClosed, StagesMs, Summary
from edgecls.runtime.sources.source import Fault, Frame
from edgecls.runtime.watcher import Event

SUMMARY = Summary(0, Losses(), 0, 0, {}, 1.0, {})
DEADLINE_S = 10.0


def make_result(index: int) -> Result:
    frame = Frame(np.zeros((1, 1, 3), np.uint8), index, 0)
    return Result(frame, 0, 1.0, Prediction(0, "red", 1.0, False, (("red", 1.0),)), StagesMs(0, 0, 0, 0))


def make_event(index: int) -> Event:
    return Event("enter", 0, "red", 0.9, index, "t")


@pytest.fixture
def gate() -> threading.Event:
    return threading.Event()


@pytest.fixture
def slow(sink: Any, gate: threading.Event) -> Any:
    """A sink that takes nothing before the gate opens."""

    class Slow(type(sink)):  # type: ignore[misc]
        def result(self, result: Result) -> None:
            assert gate.wait(DEADLINE_S)
            super().result(result)

    return Slow()


def test_a_sink_that_hangs_costs_the_pipeline_nothing_and_misses_the_oldest_results(
    slow: Any, gate: threading.Event
) -> None:
    outlet = Outlet(slow)
    outlet.begin()
    began = time.monotonic()
    for index in range(1000):
        outlet.put(make_result(index))
    assert time.monotonic() - began < 2
    gate.set()
    outlet.end(SUMMARY)
    outlet.join()
    seen = [result.frame.index for result in slow.results]
    assert seen == sorted(seen)
    assert seen[-1] == 999
    assert len(seen) <= RESULTS_KEPT + 1
    assert len(seen) + outlet.unsent == 1000


def test_events_and_faults_wait_however_many_results_come_and_keep_their_order(
    slow: Any, gate: threading.Event
) -> None:
    outlet = Outlet(slow)
    outlet.begin()
    for index in range(300):
        outlet.put(make_result(index))
        if index % 100 == 50:
            outlet.put(make_event(index))
            outlet.put(Fault(str(index)))
    gate.set()
    outlet.end(SUMMARY)
    outlet.join()
    assert [event.frame for event in slow.events] == [50, 150, 250]
    assert [fault.message for fault in slow.told] == ["50", "150", "250"]


def test_of_files_every_result_is_waited_for(slow: Any, gate: threading.Event) -> None:
    outlet = Outlet(slow, lossless=True)
    outlet.begin()
    threading.Timer(0.2, gate.set).start()
    for index in range(5 * RESULTS_KEPT):
        outlet.put(make_result(index))
    outlet.end(SUMMARY)
    outlet.join()
    assert [result.frame.index for result in slow.results] == list(range(5 * RESULTS_KEPT))
    assert outlet.unsent == 0


def until_it_raises(outlet: Outlet) -> None:
    for index in range(int(DEADLINE_S * 100)):
        outlet.put(make_result(index))
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("died_of", "told"), [(ValueError("bug"), DeviceError), (EdgeclsError("full"), EdgeclsError)]
)
def test_a_sink_that_dies_is_told_to_the_pipeline(sink: Any, died_of: Exception, told: type) -> None:
    class Dying(type(sink)):  # type: ignore[misc]
        def result(self, result: Result) -> None:
            raise died_of

    outlet = Outlet(Dying())
    outlet.begin()
    with pytest.raises(told, match=r"bug|full"):
        until_it_raises(outlet)
    outlet.end(SUMMARY)
    outlet.join()
    assert outlet.sink.summaries == [SUMMARY]  # type: ignore[attr-defined]


def test_a_waiting_put_ends_when_the_sink_dies(sink: Any) -> None:
    class Dying(type(sink)):  # type: ignore[misc]
        def result(self, result: Result) -> None:
            time.sleep(0.2)
            raise SinkClosed

    outlet = Outlet(Dying(), lossless=True)
    outlet.begin()
    with pytest.raises(SinkClosed):
        until_it_raises(outlet)


def test_a_sink_that_never_ends_is_left_behind(sink: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgecls.runtime.sinks.outlet.CLOSE_S", 0.2)
    forever = threading.Event()

    class Stuck(type(sink)):  # type: ignore[misc]
        def close(self, summary: Summary) -> None:
            forever.wait(DEADLINE_S)

    outlets = Outlets([Stuck(), sink], lossless=False)
    outlets.begin()
    began = time.monotonic()
    outlets.close(SUMMARY)
    assert time.monotonic() - began < 2
    assert sink.summaries == [SUMMARY]
    forever.set()


def until_dead(outlets: Outlets) -> None:
    with contextlib.suppress(EdgeclsError):
        for _ in range(int(DEADLINE_S * 100)):
            outlets.check()
            time.sleep(0.01)


def test_the_last_fault_reaches_the_sinks_that_still_work(sink: Any) -> None:
    class Dead(type(sink)):  # type: ignore[misc]
        def fault(self, fault: Fault) -> None:
            raise ValueError

    dead = Dead()
    outlets = Outlets([dead, sink], lossless=False)
    outlets.begin()
    outlets.put(Fault("x"))
    until_dead(outlets)
    outlets.put_last(Fault("the end", fatal=True))
    outlets.close(SUMMARY)
    assert sink.told[-1] == Fault("the end", fatal=True)
