"""`edgecls verify`: a whole bundle passes; a changed byte anywhere does not."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from edgecls.manifest import SCHEMA

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_a_whole_bundle_passes(edgecls: Run) -> None:
    done = edgecls("verify")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("passed") == 2
    assert "6 files checked" in done.stderr


@pytest.mark.parametrize("name", ["model.float32.tflite", "golden.npz", "evaluation/blue.png"])
def test_a_changed_byte_anywhere_is_exit_code_1_and_named(edgecls: Run, workplace: Path, name: str) -> None:
    path = workplace / "bundles" / "tiny" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    done = edgecls("verify", "tiny", "--json")
    assert done.returncode == 1
    assert not json.loads(done.stdout)["passed"]
    assert name in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_newer_schema_is_one_sentence(edgecls: Run, workplace: Path) -> None:
    path = workplace / "bundles" / "tiny" / "manifest.json"
    path.write_text(path.read_text().replace(f'"schema": {SCHEMA}', f'"schema": {SCHEMA + 1}'))
    done = edgecls("verify", "tiny")
    assert done.returncode == 1
    assert f"expected schema {SCHEMA}, found {SCHEMA + 1}; upgrade edgecls" in done.stderr
