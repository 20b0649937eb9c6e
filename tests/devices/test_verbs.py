"""`edgecls devices` and `edgecls doctor`: what they print, and how they end."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import typer
from typer.testing import CliRunner, Result

from edgecls.cli import devices, doctor
from edgecls.devices.finding import missing
from edgecls.devices.profile import load_profiles
from edgecls.errors import UsageError


def invoke(command: Callable[..., None], *arguments: str) -> Result:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, list(arguments))


def test_devices_lists_every_profile() -> None:
    done = invoke(devices.command)
    assert done.exit_code == 0
    assert [profile.name for profile in load_profiles() if profile.name not in done.stdout] == []


def test_a_device_is_shown_with_its_notes_and_sources() -> None:
    done = invoke(devices.command, "raspberry-pi-5")
    assert done.exit_code == 0
    for words in ("Cortex-A76", "Not tried yet", "https://www.raspberrypi.com/documentation"):
        assert words in done.stdout


def test_devices_as_json_name_the_machine_and_the_profile_it_matches() -> None:
    record = json.loads(invoke(devices.command, "--json").stdout)
    assert {profile["name"] for profile in record["profiles"]} == {
        profile.name for profile in load_profiles()
    }
    assert record["machine"]["cores"] >= 1
    assert record["matched"] in {None, *(profile.name for profile in load_profiles())}


def test_a_device_nobody_knows_is_wrong_use() -> None:
    assert isinstance(invoke(devices.command, "toaster").exception, UsageError)


def test_doctor_says_what_works_here_and_ends_well() -> None:
    done = invoke(doctor.command, "--json")
    record = json.loads(done.stdout)
    states = {finding["subject"]: finding["state"] for finding in record["findings"]}
    assert (done.exit_code, record["works"], states["TFLite engine"]) == (0, True, "ok")
    assert set(states) >= {
        "Python",
        "base packages",
        "OpenCV",
        "cameras",
        "machine",
        "health",
        "disk",
        "bundle",
    }
    assert set(states.values()) <= {"ok", "warn", "missing"}
    assert [f["subject"] for f in record["findings"] if f["state"] != "ok" and not f["advice"]] == []


def test_doctor_fails_where_no_engine_works(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = missing("TFLite engine", "none", "Install one.")
    monkeypatch.setattr("edgecls.runtime.engine_check.check_tflite", lambda: broken)
    done = invoke(doctor.command)
    assert done.exit_code == 1
    assert "Install one." in done.stdout
