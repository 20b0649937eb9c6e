"""Evaluating a run: what computed the figures is what computes now, not what trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edgecls.evaluation.evaluate import evaluate_run
from edgecls.files import sha256_file
from edgecls.preprocess import Preprocess
from edgecls.runs import MODEL

keras = pytest.importorskip("keras", reason="needs Keras, of the train extra")
pytestmark = pytest.mark.xdist_group("training")


def test_the_versions_are_those_that_compute_now(
    tmp_path: Path, classifier: Callable[..., Any], plant: Callable[..., Path]
) -> None:
    classifier().save(tmp_path / MODEL)
    record: Any = SimpleNamespace(
        name="old",
        labels=("a", "b", "c"),
        preprocess=Preprocess(32, 32),
        model_sha256=sha256_file(tmp_path / MODEL),
        versions={"edgecls": "0", "keras": "3.0.0", "abacus": "1"},
    )
    data = plant(tmp_path / "data", {"a": 2, "b": 1, "c": 1})
    found = evaluate_run(tmp_path, record, data=data, split="test")
    assert found.computed_by.startswith(f"keras {keras.__version__}, ")
    assert "abacus" not in found.computed_by
    assert found.top1.n == 4
