"""`edgecls runs`: runs alone, and what a killed training had set aside."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_what_a_killed_force_set_aside_is_told_of_and_comes_back_when_its_successor_is_deleted(
    edgecls: Run, workplace: Path
) -> None:
    runs = workplace / "runs"
    for folder, document in (("mine", "request.json"), (".mine.old", "run.json")):
        (runs / folder).mkdir(parents=True)
        (runs / folder / document).write_text("{}")
    (runs / ".mine.lock").write_text("")
    done = edgecls("runs")
    assert done.returncode == 0
    assert "runs/mine: training it again with --force was cut short; finish that with --resume" in done.stderr
    assert ".mine" not in done.stderr
    shutil.rmtree(runs / "mine")
    assert "runs/mine/run.json: " in edgecls("runs").stderr
    assert [path.name for path in runs.iterdir()] == ["mine"]
