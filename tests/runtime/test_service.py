"""Service: the unit's words as systemd reads them, whom it runs as, and files that are only edgecls' own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgecls.errors import EdgeclsError, UsageError
from edgecls.runtime.service import (
    MARKER,
    Service,
    command_line,
    read_unit,
    remove_unit,
    unit_path,
    write_unit,
)

needs_analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
COMMAND = (sys.executable, "-m", "edgecls", "run", "--camera", "0", "--wait", "/srv/my bundle")
SERVICES = (
    Service("edgecls", "system", COMMAND),
    Service("edgecls", "system", COMMAND, account="root"),
    Service("edgecls", "system", COMMAND, jetson=True),
    Service("edgecls", "user", COMMAND),
)


def lines(service: Service) -> list[str]:
    return service.text.splitlines()


@pytest.mark.parametrize("service", SERVICES)
def test_it_is_started_anew_for_ever_and_watched_for_longer_than_a_lost_camera_is_left_alone(
    service: Service,
) -> None:
    assert {
        *("Type=notify", "NotifyAccess=main", "WatchdogSec=120", "Restart=always", "RestartSec=5"),
        *("StartLimitIntervalSec=0", "TimeoutStartSec=infinity", "TimeoutStopSec=20", "KillSignal=SIGTERM"),
    } <= set(lines(service))


def test_a_service_of_the_system_may_do_little() -> None:
    assert {
        *("DynamicUser=yes", "SupplementaryGroups=video", "NoNewPrivileges=yes", "CapabilityBoundingSet="),
        *(
            "ProtectSystem=strict",
            "ProtectHome=read-only",
            "PrivateTmp=yes",
            "StateDirectory=edgecls/edgecls",
        ),
        *("DevicePolicy=closed", "DeviceAllow=char-video4linux rw", "DeviceAllow=char-media rw"),
        *("SystemCallFilter=@system-service", "MemoryDenyWriteExecute=yes", "WantedBy=multi-user.target"),
    } <= set(lines(SERVICES[0]))
    assert "User=root" in lines(SERVICES[1])
    assert "DynamicUser=yes" not in lines(SERVICES[1])


def test_a_jetsons_drivers_are_not_shut_out() -> None:
    text = SERVICES[2].text
    assert "BindPaths=-/tmp/argus_socket" in text
    # Any of these closes the devices, or the pages, that NVIDIA does not document.
    assert not [
        word for word in ("DevicePolicy", "DeviceAllow", "ProtectClock", "MemoryDeny") if word in text
    ]


def test_a_service_of_a_user_asks_for_nothing_that_only_root_may() -> None:
    text = SERVICES[3].text
    assert "WantedBy=default.target" in text
    roots = (
        "User=",
        "SupplementaryGroups=",
        "CapabilityBoundingSet=",
        "ProtectSystem=",
        "DeviceAllow=",
        "modprobe@",
    )
    assert not [word for word in roots if word in text]


@needs_analyze
@pytest.mark.parametrize("service", SERVICES)
def test_systemd_finds_no_fault_in_it(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "edgecls.service"
    write_unit(path, service, force=False)
    done = subprocess.run(
        ["systemd-analyze", f"--{service.scope}", "verify", str(path)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert path.name not in done.stderr


@needs_analyze
@pytest.mark.parametrize("service", SERVICES[:3])
def test_systemd_finds_it_hardened(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "edgecls.service"
    write_unit(path, service, force=False)
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=25", "--no-pager", str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "unrecognized option" in done.stderr:
        pytest.skip("needs a systemd-analyze that looks at files (systemd 250)")
    assert done.returncode == 0, done.stdout[-200:] + done.stderr


# Each was started by systemd 252, and arrived as it was.
@pytest.mark.parametrize(
    ("word", "quoted"),
    [
        ("/srv/b-1_x.y:@=,+", "/srv/b-1_x.y:@=,+"),
        ("", '""'),
        ("a b", '"a b"'),
        ("100%", '"100%%"'),
        ("$HOME", '"$$HOME"'),
        ("${HOME}", '"$${HOME}"'),
        (";", '";"'),
        ("it's", '"it\'s"'),
        ('say "x"', '"say \\"x\\""'),
        ("\\n", '"\\\\n"'),
        ("ä 写", '"ä 写"'),
        ("#", '"#"'),
    ],
)
def test_words_are_quoted_as_systemd_reads_them(word: str, quoted: str) -> None:
    assert command_line(["/bin/true", word]) == f"/bin/true {quoted}"


def test_the_program_is_no_place_for_a_variable() -> None:
    assert command_line(["/srv/$x 1%/edgecls"]) == '"/srv/$x 1%%/edgecls"'
    with pytest.raises(UsageError, match="quote"):
        command_line(["/srv/it's/edgecls"])


@pytest.mark.parametrize("word", ["a\nExecStartPre=/bin/sh", "a\t", "\x1b", "\udcff"])
def test_no_word_can_begin_a_line_of_its_own(word: str) -> None:
    with pytest.raises(UsageError, match="printable"):
        command_line(["/bin/true", word])


@pytest.mark.parametrize("name", ["../x", "a b", "a@b", "%n", ""])
def test_a_name_cannot_leave_its_folder(name: str) -> None:
    with pytest.raises(UsageError, match="choose another"):
        Service(name, "user", COMMAND)
    with pytest.raises(UsageError, match="choose another"):
        unit_path(name, "user")


def test_a_unit_is_replaced_only_when_asked_and_only_edgecls_own(tmp_path: Path) -> None:
    path = unit_path("cam", "user", tmp_path / "deep" / "units")
    write_unit(path, Service("cam", "user", COMMAND), force=False)
    assert read_unit(path).startswith(MARKER)
    newer = Service("cam", "user", (*COMMAND, "--json"))
    with pytest.raises(UsageError, match="exists already; choose another --name or add --force"):
        write_unit(path, newer, force=False)
    write_unit(path, newer, force=True)
    assert read_unit(path) == newer.text
    assert [entry.name for entry in path.parent.iterdir()] == ["cam.service"]
    path.write_text("[Service]\nExecStart=/bin/true\n")
    with pytest.raises(UsageError, match="is not of edgecls"):
        write_unit(path, newer, force=True)
    with pytest.raises(UsageError, match="is not of edgecls"):
        remove_unit(path, "user")
    assert path.read_text() == "[Service]\nExecStart=/bin/true\n"


def test_a_masked_unit_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "edgecls.service"
    path.symlink_to("/dev/null")
    with pytest.raises(UsageError, match="is not of edgecls"):
        write_unit(path, SERVICES[3], force=True)


def test_a_unit_of_the_system_is_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "system").mkdir()
    (tmp_path / "system" / "ssh.service").write_text("")
    monkeypatch.setattr("edgecls.runtime.service.SYSTEM_UNITS", (tmp_path,))
    with pytest.raises(UsageError, match="is a unit of the system; choose another --name"):
        write_unit(tmp_path / "ssh.service", Service("ssh", "system", COMMAND), force=True)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgeclsError, match="units: cannot be made"):
        write_unit(tmp_path / "file" / "units" / "edgecls.service", SERVICES[3], force=False)


def test_an_enabled_unit_is_disabled_first(tmp_path: Path) -> None:
    path = tmp_path / "edgecls.service"
    write_unit(path, SERVICES[3], force=False)
    link = tmp_path / "default.target.wants" / path.name
    link.parent.mkdir()
    link.symlink_to(path)
    with pytest.raises(UsageError, match="is enabled; first: systemctl --user disable --now edgecls"):
        remove_unit(path, "user")
    link.unlink()
    remove_unit(path, "user")
    assert not path.exists()
    with pytest.raises(UsageError, match="expected a unit, found none"):
        remove_unit(path, "user")
