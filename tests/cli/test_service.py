"""`edgecls service`: units that run what was asked for, wherever they are started, and that hold no secret."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgecls.cli.service import Action, command
from edgecls.errors import EdgeclsError

Run = Callable[..., subprocess.CompletedProcess[str]]


def command_of(unit: str) -> list[str]:
    """The words of ExecStart, of a unit whose words need no more than quotes."""
    (line,) = (line for line in unit.splitlines() if line.startswith("ExecStart="))
    return shlex.split(line.removeprefix("ExecStart="))


@pytest.fixture
def install(edgecls: Run) -> Run:
    """Installs for a user into units/, so that no real unit is touched."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return edgecls("service", "install", "--user", "--unit-dir", "units", *arguments)

    return run


@pytest.fixture
def lasting(workplace: Path) -> Iterator[Path]:
    """A bundle that is not in /tmp, which services do not see."""
    try:
        folder = Path(tempfile.mkdtemp(dir=sys.prefix))
    except OSError:
        pytest.skip("needs a folder outside /tmp: this Python's own cannot be written")
    shutil.copytree(workplace / "bundles" / "tiny", folder / "tiny")
    yield folder / "tiny"
    shutil.rmtree(folder)


def test_install_writes_a_unit_and_says_what_to_do_next(install: Run, workplace: Path) -> None:
    done = install()
    assert done.returncode == 0, done.stderr
    unit = (workplace / "units" / "edgecls.service").read_text()
    assert command_of(unit)[-3:] == ["run", "--wait", str(workplace / "bundles" / "tiny")]
    assert os.access(command_of(unit)[0], os.X_OK)
    for words in (
        "daemon-reload",
        "enable --now edgecls",
        "enable-linger",
        "journalctl --user --unit edgecls",
    ):
        assert words in done.stderr
    assert done.stdout == ""


def test_the_command_of_the_unit_runs_from_any_folder(install: Run, workplace: Path, tmp_path: Path) -> None:
    install("tiny", "--", "--camera", "photos", "--json")
    words = command_of((workplace / "units" / "edgecls.service").read_text())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(words, cwd=elsewhere, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert '"frames": 3' in done.stdout.splitlines()[-1]


def test_options_come_after_two_dashes_and_keep_their_order(install: Run) -> None:
    options = ["--camera", "rtsp://10.0.0.7/a b", "--jsonl", "x y.jsonl", "--top", "2"]
    with_name = install("tiny", "--dry-run", "--", *options)
    without = install("--dry-run", "--", *options)
    assert with_name.returncode == 0, with_name.stderr
    assert with_name.stdout == without.stdout
    words = command_of(with_name.stdout)
    assert words[words.index("run") + 1 : -2] == options


def test_a_dry_run_prints_the_unit_and_writes_nothing(install: Run, workplace: Path) -> None:
    done = install("--dry-run", "--name", "door")
    assert done.stdout.startswith("# Written by edgecls")
    assert "Description=edgecls door" in done.stdout
    assert "units/door.service: not written" in done.stderr
    assert not (workplace / "units").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["tiny", "--", "--camra", "0"], "No such option"),
        (["tiny", "--", "--top", "none"], "Invalid value for '--top'"),
        (["tiny", "--config", "absent.toml"], "expected a TOML file"),
        (["absent"], "expected a bundle"),
        (["--", "--camera", "0", "tiny"], "put it first"),
        (["tiny", "--name", "../x"], "choose another"),
        (["tiny", "--", "--camera", "a\nb"], "printable characters only"),
        (["tiny", "--", "--max-frames", "3"], "a service goes on until it is stopped, found --max-frames"),
        (["tiny", "--", "--print-config"], "found --print-config"),
        (["tiny", "--", "--confirm", "9/3"], "K of N frames must agree"),
        (["tiny", "--", "--smooth", "-1"], "cannot be negative"),
    ],
)
def test_what_the_service_would_fail_of_is_found_at_once(
    install: Run, workplace: Path, arguments: list[str], sentence: str
) -> None:
    done = install(*arguments)
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (workplace / "units").exists()


def test_a_password_is_not_written_where_everybody_reads(install: Run, workplace: Path) -> None:
    done = install("tiny", "--", "--camera", "rtsp://me:s3cret@10.0.0.7/")
    assert done.returncode == 2
    assert "EDGECLS_RUN_CAMERA=..." in done.stderr
    assert "s3cret" not in done.stderr + done.stdout
    assert not (workplace / "units").exists()


def test_what_this_shell_has_in_its_environment_changes_nothing(
    install: Run, environment: dict[str, str]
) -> None:
    before = install("--dry-run").stdout
    environment["EDGECLS_RUN_CAMERA"] = "photos"
    assert install("--dry-run").stdout == before


def test_a_configuration_and_a_model_file_are_named_in_full(install: Run, workplace: Path) -> None:
    (workplace / "run.toml").write_text("[run]\ncamera = 'photos'\nbundle = 'tiny'\n")
    words = command_of(install("--dry-run", "--config", "run.toml").stdout)
    assert words[words.index("--config") + 1] == str(workplace / "run.toml")
    assert words[words.index("--camera") + 1] == str(workplace / "photos")
    assert words[-1] == str(workplace / "bundles" / "tiny")
    shutil.copy(workplace / "bundles" / "tiny" / "model.int8.tflite", workplace / "alone.tflite")
    alone = str(workplace / "alone.tflite")
    assert command_of(install("alone.tflite", "--dry-run").stdout)[-2:] == ["--wait", alone]
    assert command_of(install("--dry-run", "--", "--model", "alone.tflite").stdout)[-2:] == ["--model", alone]


def test_a_unit_is_replaced_with_force_only_and_a_restart_is_said(install: Run) -> None:
    install("tiny")
    again = install("tiny")
    assert again.returncode == 2
    assert "add --force" in again.stderr
    forced = install("tiny", "--force")
    assert forced.returncode == 0
    assert "systemctl --user restart edgecls" in forced.stderr


def test_a_users_unit_lies_where_systemd_looks(
    edgecls: Run, workplace: Path, environment: dict[str, str]
) -> None:
    environment["HOME"] = str(workplace)
    done = edgecls("service", "install", "--user", "--name", "door")
    assert done.returncode == 0, done.stderr
    path = workplace / ".config" / "systemd" / "user" / "door.service"
    shown = edgecls("service", "show", "--user", "--name", "door")
    assert shown.stdout == path.read_text()
    removed = edgecls("service", "remove", "--user", "--name", "door")
    assert "systemctl --user stop door" in removed.stderr
    assert not path.exists()
    assert edgecls("service", "show", "--user", "--name", "door").returncode == 2


def test_a_service_of_the_system_is_told_whom_it_runs_as_and_where_it_may_write(
    edgecls: Run, lasting: Path, tmp_path: Path
) -> None:
    if Path(sys.prefix).is_relative_to("/tmp"):
        pytest.skip("needs a checkout outside /tmp, which services do not see")
    lasting.parent.chmod(0o700)
    place = ["service", "install", "--system", "--unit-dir", str(tmp_path / "units")]
    done = edgecls(*place, str(lasting), "--", "--csv", "/data/x.csv", "--jsonl", "x.jsonl")
    assert done.returncode == 0, done.stderr
    assert "it will run as" in done.stderr
    assert "/data/x.csv cannot be written: only what is below /var/lib/edgecls/edgecls can" in done.stderr
    assert "x.jsonl cannot" not in done.stderr
    unit = (tmp_path / "units" / "edgecls.service").read_text()
    assert "User=" in unit
    assert "ProtectHome=read-only" in unit


def test_a_service_of_the_system_sees_no_bundle_in_tmp(edgecls: Run, workplace: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        shutil.copytree(workplace / "bundles" / "tiny", Path(folder) / "tiny")
        done = edgecls("service", "install", "--system", "--dry-run", str(Path(folder) / "tiny"))
    assert done.returncode == 2
    assert "found one in /tmp; put it elsewhere" in done.stderr


def test_only_root_writes_a_service_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(
        EdgeclsError, match="expected to be root, found another user; call it with sudo"
    ) as caught:
        command(Action.install, name="edgecls-test", system=True)
    assert caught.value.exit_code == 1


def test_what_belongs_to_install_is_refused_elsewhere(edgecls: Run) -> None:
    for action in ("show", "remove"):
        done = edgecls("service", action, "--user", "--unit-dir", "units", "--force")
        assert done.returncode == 2
        assert "leave the rest out" in done.stderr
