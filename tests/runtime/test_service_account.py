"""Service account: whom a service of the system must run as to read its bundle, and the command it calls."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from edgecls.errors import UsageError
from edgecls.runtime import service_account
from edgecls.runtime.service_account import account_for, installed_command, installed_paths

EVERYBODYS = Path("/usr/bin/env")


def test_what_everybody_may_read_needs_no_account() -> None:
    assert account_for([EVERYBODYS]) == (None, None)


def test_what_is_private_runs_as_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_account, "HIDDEN", ())
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "bundle").mkdir()
    account, private = account_for([EVERYBODYS, home / "bundle"])
    assert account == pwd.getpwuid(os.geteuid()).pw_name
    assert private is not None
    assert home.is_relative_to(private)


def test_what_lies_in_tmp_or_leads_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(EVERYBODYS)
    monkeypatch.setattr(service_account, "HIDDEN", (tmp_path,))
    with pytest.raises(UsageError, match="found one in /tmp"):
        account_for([tmp_path / "link"])
    monkeypatch.setattr(service_account, "HIDDEN", (EVERYBODYS.resolve(),))
    with pytest.raises(UsageError, match="found one in /tmp"):
        account_for([tmp_path / "link"])


def test_what_its_owner_may_not_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_account, "HIDDEN", ())
    secret = tmp_path / "secret"
    secret.write_text("")
    secret.chmod(0)
    with pytest.raises(UsageError, match="secret is closed to"):
        account_for([secret])


def test_the_command_is_this_very_edgecls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.run([*installed_command(), "--version"], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("edgecls "), done.stderr
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert installed_command() == (str(tmp_path / "python"), "-m", "edgecls")


def test_everything_that_the_command_loads_is_asked_for() -> None:
    paths = [path.resolve() for path in installed_paths()]
    for module in ("os", "numpy", "edgecls.bundle", "edgecls.runtime.pipeline", "edgecls.devices.health"):
        __import__(module)
        file = Path(str(sys.modules[module].__file__)).resolve()
        assert any(file.is_relative_to(path) for path in paths), file


def test_what_python_looks_for_in_one_home_only_runs_as_its_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("site.getuserbase", lambda: str(EVERYBODYS.parent))
    assert account_for([EVERYBODYS]) == (pwd.getpwuid(EVERYBODYS.stat().st_uid).pw_name, EVERYBODYS)
