"""What tests of data, training and export share: folders of made photos, and a network that trains in a second."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgecls.networks.network import Network
from edgecls.networks.scaling import SIGNED
from edgecls.networks.table import NETWORKS

# Servers are for tests of one sink or source, and of the whole command line.
pytest_plugins = ("tests.servers.mosquitto", "tests.servers.receiver", "tests.servers.streams")

MakePhoto = Callable[..., bytes]
PlantPhotos = Callable[..., Path]


def make_photo(channel: int, seed: int, *, suffix: str = ".jpg") -> bytes:
    """A noisy photo of 40x36 pixels in which one of OpenCV's channels (blue, green, red) stands out."""
    random = np.random.default_rng((channel, seed))
    picture = random.integers(0, 90, (36, 40, 3), np.uint8)
    picture[:, :, channel] += 120
    return cv2.imencode(suffix, picture)[1].tobytes()


def plant_photos(root: Path, counts: Mapping[str, int], *, first: int = 0) -> Path:
    """Write ROOT/CLASS/NNN.jpg, every photo different; the classes are blue, green, red in turn.

    Photos of another `first` are other photos, so that splits can be planted beside one another.
    """
    for index, (name, count) in enumerate(counts.items()):
        folder = root / name
        folder.mkdir(parents=True)
        for number in range(first, first + count):
            (folder / f"{number:03d}.jpg").write_bytes(make_photo(index % 3, 1000 * index + number))
    return root


def small(x: Any, width: float) -> Any:
    """Two convolutions with batch normalisation, 12 channels."""
    import keras

    for name, filters in (("first", 8), ("second", 12)):
        x = keras.layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False, name=f"{name}_conv")(x)
        x = keras.layers.BatchNormalization(momentum=0.6, name=f"{name}_bn")(x)
        x = keras.layers.ReLU(6.0, name=f"{name}_relu6")(x)
    return x


def load_made_weights(backbone: Any) -> str:
    random = np.random.default_rng(5)
    for name in ("first_conv", "second_conv"):
        layer = backbone.get_layer(name)
        layer.set_weights([random.normal(0, 0.2, layer.kernel.shape).astype(np.float32)])
    return "made by a test"


SMALL = Network(
    name="small",
    title="Small",
    paper="none",
    body=small,
    scaling=SIGNED,
    size=32,
    min_size=16,
    unfreeze="second_conv",
    weights={"made": load_made_weights},
)


@pytest.fixture(scope="session")
def photo() -> MakePhoto:
    return make_photo


@pytest.fixture(scope="session")
def plant() -> PlantPhotos:
    return plant_photos


@contextmanager
def list_small_network() -> Iterator[Network]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(NETWORKS, SMALL.name, SMALL)
        yield SMALL


@pytest.fixture(scope="session")
def listed_small_network() -> Callable[[], AbstractContextManager[Network]]:
    """The same for a session's fixtures: inside the `with` the network is in the table."""
    return list_small_network


@pytest.fixture(scope="module")
def small_network() -> Iterator[Network]:
    """A network of 1,000 parameters, in the table under the name "small"."""
    with list_small_network() as network:
        yield network


@pytest.fixture(scope="session", autouse=True)
def hear_ctrl_c() -> None:
    """A shell starts background jobs with SIGINT ignored, and their children inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def run_command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs `edgecls ARGUMENTS` in this process, where TensorFlow is loaded already, and gives its exit code."""

    def run(*arguments: str) -> int:
        from edgecls.cli.app import main

        monkeypatch.setattr(sys, "argv", ["edgecls", *arguments])
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    return run


@pytest.fixture
def mount_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Mounts a file system of so many kB. Skips where mounting one is not allowed."""
    mounted: list[Path] = []

    def mount(kilobytes: int) -> Path:
        place = tmp_path / f"disk-{kilobytes}"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)]
        try:
            done = subprocess.run(command, capture_output=True, check=False).returncode == 0
        except FileNotFoundError:
            done = False
        if not done:
            pytest.skip("needs the right to mount a tmpfs (root) to fill a disk")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
