"""Timing: percentiles and the bounded memory of samples."""

from __future__ import annotations

import pytest

from edgecls.errors import DataError
from edgecls.runtime.timing import StageTimes, percentiles


def test_percentiles_are_interpolated_linearly_as_numpy_does() -> None:
    found = percentiles([4.0, 1.0, 3.0, 2.0])
    assert (found.n, found.p50) == (4, 2.5)
    assert found.p90 == pytest.approx(3.7)
    assert found.p99 == pytest.approx(3.97)


def test_one_sample_is_each_percentile() -> None:
    found = percentiles([7.0])
    assert (found.p50, found.p90, found.p99) == (7.0, 7.0, 7.0)


def test_no_samples_have_no_percentile() -> None:
    with pytest.raises(DataError, match="at least one sample"):
        percentiles([])


def test_the_newest_samples_are_kept_when_memory_is_full() -> None:
    times = StageTimes("invoke", limit=3)
    for ms in (1, 2, 3, 4, 5):
        times.add(ms)
    (found,) = times.percentiles().values()
    assert (found.n, found.p50) == (3, 4)


def test_stages_are_kept_apart() -> None:
    times = StageTimes("capture", "invoke")
    assert times.percentiles() == {}
    times.add(1.5, 2.5)
    times.add(1.5, 3.5)
    assert {stage: found.p50 for stage, found in times.percentiles().items()} == {
        "capture": 1.5,
        "invoke": 3.0,
    }
