"""Training the groups of a study on the nodes of a Ray cluster; a group whose node is lost begins again elsewhere.

Ray: Moritz et al. 2018, "Ray: A Distributed Framework for Emerging AI Applications", OSDI.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgecls.errors import DataError, DeviceError, EdgeclsError, first_line, need
from edgecls.studies.pool import Hear, Turn, give_up
from edgecls.studies.result import CellResult
from edgecls.studies.work import Group, failed, train_cells
from edgecls.studies.workers import use_threads

KNOCK_S = 10
RETRIES = 3  # of a group whose node or process was lost


def train_groups_on_ray(groups: Sequence[Group], *, address: str, jobs: int, hear: Hear) -> None:
    """Train all groups as tasks, `jobs` at once on the smallest node; `hear` gets every CellResult as it comes.

    A task takes its share of the smallest node's cores anywhere, so that a larger node has more of them at once.

    Every node needs edgecls with the train extra and the photos under the same path; where the study's folder is
    not shared, run folders stay on the node that made them. Raises MissingDependencyError without Ray, DeviceError
    when no cluster answers at `address`.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray = need("ray", "ray")
    _connect(ray, address)
    try:
        threads = max(1, _smallest_node(ray) // jobs)
        task = ray.remote(_stream).options(num_cpus=threads, max_retries=RETRIES)
        here = str(Path.cwd())
        running = {task.remote(group, threads, here): Turn(group) for group in groups}
        while running:
            (stream, *_), _ = ray.wait(list(running), num_returns=1)
            again = _take(ray, stream, running, hear)
            running |= {task.remote(group, threads, here): Turn(group) for group in again}
    finally:
        ray.shutdown()


def _connect(ray: Any, address: str) -> None:
    try:
        _knock(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise DeviceError(
            f"--ray: expected a Ray cluster at {address}, found none ({first_line(error)}); "
            "start one with: ray start --head, and give its address"
        ) from error


def _knock(address: str) -> None:
    """Raise OSError when nobody listens at HOST:PORT; Ray itself takes minutes to say so."""
    host, _, port = address.rpartition(":")
    if port.isdigit() and "/" not in host:
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_S).close()


def _smallest_node(ray: Any) -> int:
    """Cores of the smallest node that has any: Ray lists none for one that was started to give none."""
    found = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    return min((cores for cores in found if cores), default=1)


def _stream(group: Group, threads: int, place: str) -> Iterator[CellResult]:
    """The cells of a group, on a node; in the folder `place`, to which the paths of a study are relative."""
    try:
        os.chdir(place)
    except OSError as error:
        raise DataError(
            f"{place}: expected the folder that the study was started in on the Ray node {socket.gethostname()} too, "
            f"found none ({error.strerror}); share it, or lay the photos and weights there under the same path"
        ) from error
    use_threads(threads)
    from edgecls.training.backend import import_keras, training_versions

    difference = other_versions(training_versions(import_keras()), group.versions)
    if difference:
        for each in group.cells:
            yield failed(each.cell, difference, key=each.key, versions=group.versions)
        return
    yield from train_cells(group, lambda step: None)


def other_versions(node: Mapping[str, str], study: Mapping[str, str]) -> str:
    """The sentence that says in which versions a node differs from where the study was started; "" when in none.

    Figures of other versions must not stand under the key of these.
    """
    differing = [name for name in sorted({*node, *study}) if node.get(name) != study.get(name)]
    if not differing:
        return ""
    expected, found = (
        ", ".join(f"{name} {versions.get(name, 'none')}" for name in differing) for versions in (study, node)
    )
    return (
        f"expected {expected} on the Ray node {socket.gethostname()}, found {found}; "
        "install the versions of the machine that starts the study there"
    )


def _take(ray: Any, stream: Any, running: dict[Any, Turn], hear: Hear) -> list[Group]:
    """Take the next result of a group; what is left of a group that was given up is given back."""
    turn = running[stream]
    try:
        result = ray.get(next(stream))
    except StopIteration:
        del running[stream]
        return []
    except ray.exceptions.RayError as error:
        del running[stream]
        return give_up(turn, _reason(ray, error), hear)
    turn.done += 1
    hear(result)
    return []


def _reason(ray: Any, error: Exception) -> str:
    """Why a task failed: an error of its own, which Ray does not try again, or the loss of its node or process."""
    if isinstance(error, ray.exceptions.RayTaskError):
        cause = error.cause
        return (
            str(cause) if isinstance(cause, EdgeclsError) else f"{type(cause).__name__}: {first_line(cause)}"
        )
    return f"its Ray task was lost {RETRIES + 1} times ({first_line(error)})"
