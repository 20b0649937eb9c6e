"""Checks: what `edgecls doctor` looks at on the machine: board, health, disk, cameras, OpenCV, bundle."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from edgecls.devices.detect import detect_machine
from edgecls.devices.finding import Finding, good, missing, warn
from edgecls.devices.health import Health, read_health
from edgecls.devices.profile import match_profile
from edgecls.errors import EdgeclsError
from edgecls.machine import Machine

# A bundle, its frames and a report together stay below this.
LEAST_FREE_MB = 1024

# The Raspberry Pi begins to throttle here
# (https://www.raspberrypi.com/documentation/computers/config_txt.html#overclocking-options, temp_limit).
HOT_C = 80.0

ROOT = Path("/")


def check_machine(root: Path = ROOT) -> Finding:
    """Name the machine, its profile, and how it sums 8-bit products."""
    machine = detect_machine(root)
    profile = match_profile(machine)
    found = (
        f"{machine.model}, {machine.architecture}, {machine.cores} cores, {machine.memory_mb} MB, "
        f"{machine.system}, int8 sums: {machine.int8_dot}, profile: {profile.name if profile else 'none'}"
    )
    if machine.saturates:
        return warn(
            "machine",
            found,
            "ONNX int8 sums saturate here: use .tflite, or the int8-avx2 variant of a bundle.",
        )
    if profile is None:
        return warn("machine", found, _no_profile(machine))
    return good("machine", found)


def _no_profile(machine: Machine) -> str:
    return f"No profile describes {machine.model}; measure it with: edgecls bench"


def check_health(root: Path = ROOT) -> Finding:
    """Say whether heat or power slow the machine down at this moment."""
    health = read_health(root)
    found = _health_text(health)
    if health.throttled:
        return warn("health", found, "The board is throttled now: cool it or use its maker's power supply.")
    if health.temperature_c is not None and health.temperature_c >= HOT_C:
        return warn("health", found, "The processor is hot and may slow down: cool it before you measure.")
    if health.governor == "powersave":
        return warn("health", found, "The governor saves power: set it to performance before you measure.")
    return good("health", found)


def _health_text(health: Health) -> str:
    parts = (
        None if health.temperature_c is None else f"{health.temperature_c:.1f} °C",
        None if health.clock_mhz is None else f"{health.clock_mhz:.0f} MHz",
        None if health.throttled is None else "throttled" if health.throttled else "not throttled",
        None if health.governor is None else f"governor {health.governor}",
    )
    return ", ".join(part for part in parts if part) or "this machine tells neither temperature nor clock"


def check_disk(folder: Path | None = None, *, least_free_mb: int = LEAST_FREE_MB) -> Finding:
    """Say how much space is left where bundles go: `folder`, else the current one."""
    free_mb = shutil.disk_usage(folder or Path.cwd()).free // 2**20
    found = f"{free_mb} MB free"
    if free_mb < least_free_mb:
        return warn("disk", found, f"Free at least {least_free_mb} MB before you export or record.")
    return good("disk", found)


def check_cameras(root: Path = ROOT) -> Finding:
    """Name the V4L2 devices and say whether this user may open them."""
    devices = sorted((root / "dev").glob("video[0-9]*"), key=lambda path: int(path.name[5:]))
    if not devices:
        return missing(
            "cameras", "no /dev/video*", "Plug a camera in, or replay a folder: edgecls run --camera FOLDER"
        )
    found = ", ".join(_camera_text(device, root) for device in devices)
    if not all(os.access(device, os.R_OK | os.W_OK) for device in devices):
        return warn(
            "cameras",
            found,
            "Add yourself to the group video (sudo usermod -aG video $USER) and log in again.",
        )
    return good("cameras", found)


def _camera_text(device: Path, root: Path) -> str:
    """A device and the name its driver gives; a Raspberry Pi's codecs stand among the cameras."""
    try:
        name = (root / "sys/class/video4linux" / device.name / "name").read_text(encoding="utf-8").strip()
    except OSError:
        return f"/dev/{device.name}"
    return f"/dev/{device.name} ({name})"


def check_opencv() -> Finding:
    """Say which ways of reading video this OpenCV was built with."""
    try:
        import cv2
    except ImportError as error:
        return missing("OpenCV", str(error), "Install it with: pip install opencv-python-headless")
    features = video_features(cv2.getBuildInformation())
    found = f"{cv2.__version__}, " + ", ".join(f"{k} {'yes' if v else 'no'}" for k, v in features.items())
    if not features["V4L2"]:
        return warn("OpenCV", found, "USB cameras need V4L2: install opencv-python-headless on Linux.")
    if not features["FFMPEG"]:
        return warn("OpenCV", found, "Video files need FFMPEG: install opencv-python-headless.")
    return good("OpenCV", found)


def video_features(build: str) -> dict[str, bool]:
    """GStreamer, FFMPEG and V4L2 as cv2.getBuildInformation() reports them."""
    lines = {"GStreamer": "GStreamer", "FFMPEG": "FFMPEG", "V4L2": "v4l/v4l2"}
    return {
        name: re.search(rf"^\s*{line}:\s+YES", build, re.MULTILINE) is not None
        for name, line in lines.items()
    }


def check_bundle() -> Finding:
    """Name the bundle that `edgecls run` would take from here."""
    try:
        from edgecls.bundle import Bundle, find_bundle
    except ImportError as error:
        return missing("bundle", str(error), "Install the base packages with: pip install edgecls")
    try:
        folder = find_bundle(None)
    except EdgeclsError as error:
        return missing(
            "bundle", str(error), "Make one with: edgecls export --int8, or copy one into bundles/."
        )
    try:
        variants = Bundle.open(folder).manifest.variants
    except EdgeclsError as error:
        return warn("bundle", str(error), "Copy or make the bundle again; edgecls run would refuse this one.")
    return good("bundle", f"{folder}: {', '.join(variant.key for variant in variants)}")
