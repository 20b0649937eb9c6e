"""`edgecls lint`: of a network, of a run, and of nothing there is."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_a_network_is_linted_before_it_is_trained(edgecls: Run) -> None:
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    done = edgecls("lint", "mobilenet_v3_small", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["name"] == "mobilenet_v3_small"
    assert {"hard-swish", "squeeze-and-excite"} <= {one["what"] for one in document["findings"]}


def test_a_network_that_int8_likes_has_no_finding(edgecls: Run) -> None:
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    done = edgecls("lint", "resnet18")
    assert done.returncode == 0, done.stderr
    assert "resnet18: nothing that int8 would notice" in done.stdout


def test_what_is_neither_network_nor_run_is_one_sentence(edgecls: Run) -> None:
    done = edgecls("lint", "mobilenet_v9")
    assert done.returncode == 2
    assert "mobilenet_v9" in done.stderr
    assert "edgecls networks" in done.stderr
