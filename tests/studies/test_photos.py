"""The photos of a study are the same for every network, regime and seed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from edgecls.errors import DataError
from edgecls.studies.photos import open_limited


def test_a_limit_keeps_the_shares_of_the_classes_and_draws_the_same_photos(tints: Path) -> None:
    limited = open_limited("tints", tints, {"train": 30, "test": 6})
    assert Counter(photo.label for photo in limited.train) == {0: 10, 1: 10, 2: 10}
    assert len(limited.test) == 6
    assert len(limited.validation) == len(open_limited("tints", tints, {}).validation)
    again = open_limited("tints", tints, {"test": 6, "train": 30})
    assert again.digest == limited.digest != open_limited("tints", tints, {}).digest


def test_a_photo_stays_in_its_split_under_a_limit(tints: Path) -> None:
    whole, limited = open_limited("tints", tints, {}), open_limited("tints", tints, {"train": 9, "test": 3})
    for split in ("train", "validation", "test"):
        assert set(limited.split(split)) <= set(whole.split(split))


def test_a_data_set_that_is_absent_names_the_command_that_fetches_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data set 'few', found no folder; .*edgecls data fetch mnist, or"):
        open_limited("few", tmp_path / "mnist", {})


def test_no_command_is_named_for_a_data_set_that_the_catalogue_has_not(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data set 'mnist', found no folder; put them there") as caught:
        open_limited("mnist", tmp_path / "birds", {})
    assert "edgecls data" not in str(caught.value)
