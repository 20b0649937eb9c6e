"""A study on two Ray nodes, one of which is killed midway, gives the results of a study on one machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgecls.errors import DataError
from edgecls.studies.ray_nodes import _reason, _smallest_node, _stream
from edgecls.studies.reading import read_study
from edgecls.studies.running import plan_groups, prepare

pytest.importorskip("ray", reason="needs Ray, of the ray extra")
pytest.importorskip("keras", reason="needs Keras, of the train extra")
pytestmark = pytest.mark.xdist_group("training")

WriteStudy = Callable[..., Path]
EDGECLS = [sys.executable, "-c", "from edgecls.cli.app import main; main()"]

# Ray takes the loopback address where clusters of several machines are switched off; nothing is heard outside.
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}

# Two nodes of one core. A line on stdin kills the second; the end of stdin, also by the test's death, ends all.
CLUSTER = """
import sys
from ray.cluster_utils import Cluster
node = {"num_cpus": 1, "object_store_memory": 80 << 20}
cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
second = cluster.add_node(**node)
try:
    print(cluster.address, flush=True)
    for _ in sys.stdin:
        cluster.remove_node(second, allow_graceful=False)
        print("killed", flush=True)
finally:
    cluster.shutdown()
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds two Ray nodes on the loopback address."""
    with (tmp_path / "ray.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", CLUSTER],
            env={**os.environ, **LOOPBACK},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        yield process
        process.communicate(timeout=60)


@pytest.fixture
def study(write_study: WriteStudy) -> Path:
    """Two cells from scratch, of two seeds, each a group of its own."""
    return write_study(
        ('networks = ["lenet", "cnn"]', 'networks = ["lenet"]'),
        ('regimes = ["frozen", "scratch"]', 'regimes = ["scratch"]'),
        ("seeds = [0]", "seeds = [0, 1]"),
        ("epochs = 2", "epochs = 12"),
    )


def start(study: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*EDGECLS, "study", study.name, "--no-latency", *arguments],
        cwd=study.parent,
        env={**os.environ, **LOOPBACK},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> None:
    _, said = process.communicate(timeout=200)
    assert process.returncode == 0, said
    assert "Traceback" not in said, said


def results(folder: Path) -> dict[int, Any]:
    """The results of cells by seed."""
    found = [json.loads(path.read_text()) for path in (folder / "cells").glob("*.json")]
    return {result["name"]["seed"]: result for result in found}


def test_a_node_that_is_killed_does_not_change_the_results(
    study: Path, cluster: subprocess.Popen[str]
) -> None:
    assert cluster.stdin is not None
    assert cluster.stdout is not None
    address = cluster.stdout.readline().strip()
    on_ray = study.parent / "on-ray"
    process = start(study, "--ray", address, "--out", str(on_ray))
    deadline = time.monotonic() + 120
    while len(list(on_ray.glob("runs/*/checkpoint/network/state.json"))) < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    cluster.stdin.write("kill\n")
    cluster.stdin.flush()
    assert cluster.stdout.readline() == "killed\n"
    assert results(on_ray) == {}, "the node was killed too late to prove anything"
    end(process)
    end(start(study, "--out", str(study.parent / "here")))
    there, here = results(on_ray), results(study.parent / "here")
    assert set(there) == set(here) == {0, 1}
    for seed in there:
        assert there[seed]["key"] == here[seed]["key"]
        assert there[seed]["history"]["loss"] == pytest.approx(here[seed]["history"]["loss"], rel=2e-2)
        assert there[seed]["test"] == here[seed]["test"]
        assert there[seed]["predictions"] == here[seed]["predictions"]


def test_a_node_of_other_versions_fails_its_cells_with_both_versions(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = prepare(read_study(study), "quick", folder=study.parent / "out")
    (group, _) = plan_groups(prepared, study.parent / "out")
    other = replace(group, versions={**group.versions, "keras": "3.99"})
    for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "TF_NUM_INTEROP_THREADS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.chdir(study.parent)
    (cell,) = _stream(other, 1, str(study.parent))
    assert f"found keras {group.versions['keras']}; install" in str(cell.failure)
    assert "expected keras 3.99 on the Ray node" in str(cell.failure)


def test_a_node_without_the_studys_folder_says_what_it_needs(study: Path) -> None:
    import ray

    prepared = prepare(read_study(study), "quick", folder=study.parent / "out")
    (group, _) = plan_groups(prepared, study.parent / "out")
    with pytest.raises(DataError, match="expected the folder that the study was started in") as raised:
        next(_stream(group, 1, str(study.parent / "elsewhere")))
    told = ray.exceptions.RayTaskError("_stream", "a long traceback", raised.value)
    assert _reason(ray, told) == str(raised.value)
    page = ray.exceptions.RayTaskError("_stream", "traceback", RuntimeError("no such module\nsys.path:\n..."))
    assert _reason(ray, page) == "RuntimeError: no such module"
    lost = ray.exceptions.WorkerCrashedError()
    assert _reason(ray, lost).startswith("its Ray task was lost 4 times (The worker died")


def test_a_node_that_gives_no_core_is_not_the_smallest() -> None:
    class Nodes:
        @staticmethod
        def nodes() -> list[dict[str, Any]]:
            found: list[dict[str, float]] = [{}, {"CPU": 8.0}, {"CPU": 4.0}]
            return [{"Alive": True, "Resources": resources} for resources in found]

    assert _smallest_node(Nodes) == 4


def test_a_cluster_that_does_not_answer_is_one_sentence(study: Path) -> None:
    process = start(study, "--ray", "127.0.0.1:1")
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "edgecls: --ray: expected a Ray cluster at 127.0.0.1:1, found none" in said
