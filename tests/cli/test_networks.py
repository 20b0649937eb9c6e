"""`edgecls networks`: the published multiply-adds of the whole table, and one network in every layer."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest

from edgecls.networks.table import NETWORKS

pytestmark = pytest.mark.xdist_group("networks")

# Millions of multiply-adds at the size of the paper, the classifier of 1000 classes counted.
PUBLISHED = {
    "alexnet": (714, "torchvision, GFLOPS 0.71"),
    "vgg11": (7_609, "torchvision, 7.61"),
    "vgg13": (11_308, "torchvision, 11.31"),
    "vgg16": (15_470, "torchvision, 15.47"),
    "vgg19": (19_632, "torchvision, 19.63"),
    "googlenet": (1_498, "torchvision, 1.5"),
    "inception_v3": (5_713, "torchvision, 5.71"),
    "resnet18": (1_814, "torchvision, 1.81; paper, table 1: 1.8"),
    "resnet34": (3_664, "torchvision, 3.66; paper: 3.6"),
    "resnet50": (3_858, "paper: 3.8"),
    "resnet101": (7_570, "paper: 7.6"),
    "resnet152": (11_282, "paper: 11.3"),
    "densenet121": (2_834, "torchvision, 2.83"),
    "densenet161": (7_728, "torchvision, 7.73"),
    "densenet169": (3_360, "torchvision, 3.36"),
    "efficientnet_b0": (386, "torchvision, 0.39; paper: 0.39"),
    "mobilenet_v2": (301, "torchvision, 0.3; paper: 300"),
}
FEATURES = {
    "alexnet": 256,
    **dict.fromkeys(("vgg11", "vgg13", "vgg16", "vgg19", "resnet18", "resnet34"), 512),
    **dict.fromkeys(("googlenet", "densenet121"), 1024),
    **dict.fromkeys(("inception_v3", "resnet50", "resnet101", "resnet152"), 2048),
    **dict.fromkeys(("efficientnet_b0", "mobilenet_v2"), 1280),
    "densenet161": 2208,
    "densenet169": 1664,
}
FLAT = {
    "alexnet": 9216,
    **dict.fromkeys(("vgg11", "vgg13", "vgg16", "vgg19"), 25088),
}  # before two layers of 4096


def edgecls_networks(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`edgecls networks ARGUMENTS` in a process of its own, as wide as the narrowest terminal it is made for."""
    return subprocess.run(
        [sys.executable, "-c", "from edgecls.cli.app import main; main()", "networks", *arguments],
        env={**os.environ, "COLUMNS": "100", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=180,
        check=False,
    )


@pytest.fixture(scope="module")
def listed() -> dict[str, Any]:
    """Every network's entry in the JSON document."""
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    done = edgecls_networks("--json")
    assert done.returncode == 0, done.stderr
    return {entry["name"]: entry for entry in json.loads(done.stdout)["networks"]}


def test_every_network_is_listed_with_what_it_costs(listed: dict[str, Any]) -> None:
    assert list(listed) == list(NETWORKS)
    assert all(entry["cost"]["parameters"] > 0 for entry in listed.values())
    assert all(entry["cost"]["size"] == NETWORKS[name].size for name, entry in listed.items())


@pytest.mark.parametrize("name", PUBLISHED)
def test_multiply_adds_are_those_published(name: str, listed: dict[str, Any]) -> None:
    cost, features = listed[name]["cost"], FEATURES[name]
    body = cost["multiply_adds"] - features * 10
    head = features * 1000 if name not in FLAT else FLAT[name] * 4096 + 4096 * 4096 + 4096 * 1000
    assert round((body + head) / 1e6) == PUBLISHED[name][0]


def test_the_head_of_a_run_is_counted(listed: dict[str, Any]) -> None:
    """LeNet-5 has its own head by default, with ten classes as in its paper."""
    assert listed["lenet"]["cost"]["parameters"] == 61_706
    assert listed["resnet50"]["cost"]["parameters"] == 25_636_712 - 2049 * 990


def test_memory_is_four_times_as_much_in_float32(listed: dict[str, Any]) -> None:
    cost = listed["vgg16"]["cost"]
    assert cost["peak_bytes_int8"] == 2 * 224 * 224 * 64  # the second convolution reads and writes as much
    assert cost["peak_bytes_float32"] == 4 * cost["peak_bytes_int8"]


def test_weights_say_where_they_come_from(listed: dict[str, Any]) -> None:
    found = {name: entry["weights"] for name, entry in listed.items()}
    assert found["vgg16"] == found["mobilenet_v2"] == "keras"
    assert found["efficientnet_lite2"] == "package"
    assert found["enet"] == "none"


def test_notes_on_int8_are_counted(listed: dict[str, Any]) -> None:
    notes = {name: entry["cost"]["int8"] for name, entry in listed.items()}
    assert not any(notes["resnet50"].values())
    assert notes["mobilenet_v2"]["depthwise"] == 17
    assert notes["efficientnet_b0"]["squeeze-and-excite"] == 16
    assert notes["mobilenet_v3_large"]["squeeze-and-excite"] == 8
    assert (
        notes["densenet121"]["unfused batch norm"] == 58 + 3 + 1
    )  # in front of layers, transitions and the end
    assert notes["enet"]["unfused batch norm"] == 1  # behind the first block's concatenation


def test_the_table_fits_100_columns_and_names_what_a_size_is_too_small_for() -> None:
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    done = edgecls_networks("--size", "40")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    (alexnet,) = [line for line in lines if "alexnet" in line]
    assert ">=63" in alexnet
    assert all(any(f" {name} " in line for line in lines) for name in NETWORKS)


def test_one_network_is_shown_in_every_layer() -> None:
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    done = edgecls_networks("enet", "--size", "224")
    assert done.returncode == 0, done.stderr
    assert "arXiv:1606.02147" in done.stdout
    assert "pixel * 0.0078431 - 1" in done.stdout
    assert "311,079,936" in done.stdout  # with ten classes
    (row,) = [line for line in done.stdout.splitlines() if " initial_conv " in line]
    assert [cell.strip() for cell in row.split("│")[1:-1]] == [
        "initial_conv",
        "Conv2D",
        "112x112x13",
        "351",
        "4,402,944",
    ]


def test_layers_are_in_the_document_too() -> None:
    pytest.importorskip("keras", reason="needs Keras, of the train extra")
    (entry,) = json.loads(edgecls_networks("lenet", "--json").stdout)["networks"]
    layers = {layer["name"]: layer for layer in entry["cost"]["layers"]}
    assert layers["conv2"]["shape"] == [10, 10, 16]
    assert layers["head_dense1"]["multiply_adds"] == 400 * 120


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("resnet",), "expected a network of lenet, .*, found 'resnet'"),
        (("vgg16", "--size", "20"), "vgg16 needs pictures of at least 32x32 pixels, found 20"),
    ],
)
def test_wrong_use_is_one_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    done = edgecls_networks(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(sentence, done.stderr)
    assert len(done.stderr.splitlines()) == 1
