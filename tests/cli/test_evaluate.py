"""`edgecls evaluate`: which of run and bundle is meant, and what --split needs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_a_split_of_a_bundle_needs_data(edgecls: Run) -> None:
    done = edgecls("evaluate", "tiny", "--split", "validation")
    assert done.returncode == 2
    assert "--split needs --data here: bundles/tiny carries held-out test photos alone" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_precision_means_the_bundle_when_a_run_has_the_same_name(edgecls: Run, workplace: Path) -> None:
    run = workplace / "runs" / "tiny"
    run.mkdir(parents=True)
    (run / "run.json").write_text("{}")
    for option in (("--precision", "int8"), ("--format", "tflite")):
        done = edgecls("evaluate", "tiny", *option, "--json")
        assert done.returncode == 0, done.stderr
        assert "using bundles/tiny, tflite int8" in done.stderr
        assert json.loads(done.stdout)
    alone = edgecls("evaluate", "tiny")  # without them the run is meant, and this one is no good
    assert alone.returncode == 1
    assert "runs/tiny" in alone.stderr
