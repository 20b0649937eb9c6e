"""Service: the systemd unit that runs a bundle from boot on, hardened, and started anew whenever results stop."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecls import __version__
from edgecls.errors import EdgeclsError, UsageError
from edgecls.files import write_bytes
from edgecls.names import check_name

MARKER = "# Written by edgecls"
SYSTEMCTL = {"system": "systemctl", "user": "systemctl --user"}
SYSTEM_UNITS = (Path("/usr/lib/systemd"), Path("/lib/systemd"))
FOLDERS = {"system": Path("/etc/systemd/system"), "user": Path("~/.config/systemd/user")}
L4T_RELEASE = Path("/etc/nv_tegra_release")  # of every JetPack: which NVIDIA's drivers are there
_PLAIN = re.compile(r"[A-Za-z0-9_@+=:,./-]+")

UNIT = """\
{marker} {version} with `edgecls service install`. Change parts of it with: {systemctl} edit {name}
[Unit]
Description=edgecls {name}
StartLimitIntervalSec=0
{order}
[Service]
# READY comes with the first result, and signs of life with each: without them it is started anew. The camera may come
# any time after boot; a lost one is asked for at least every 60 s, and may need a while to open.
Type=notify
NotifyAccess=main
ExecStart={command}
TimeoutStartSec=infinity
WatchdogSec=120
Restart=always
RestartSec=5
KillMode=mixed
KillSignal=SIGTERM
TimeoutStopSec=20
SuccessExitStatus=143
LimitCORE=0
# What hangs says where when the watchdog ends it.
Environment=PYTHONFAULTHANDLER=1
# Passwords: lines such as EDGECLS_RUN_MQTT_PASSWORD=..., in a file that only its owner can read.
EnvironmentFile=-%E/edgecls/{name}.env
# Paths that are not absolute are meant below this folder, the only one that may be written.
StateDirectory=edgecls/{name}
WorkingDirectory=%S/edgecls/{name}
{hardening}
[Install]
WantedBy={target}
"""

# Device names are those of /proc/devices, which the driver must be in when the unit starts: hence modprobe.
SYSTEM_ORDER = """\
Wants=modprobe@videodev.service
After=modprobe@videodev.service network.target nvargus-daemon.service
"""
BOTH = """\
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
"""
SYSTEM = """\
CacheDirectory=edgecls/{name}
Environment=XDG_CACHE_HOME=%C/edgecls/{name}
{account}
SupplementaryGroups=video
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
"""
# XNNPACK and ONNX Runtime, as wheels bring them, ask for no page that is writable and executable.
NO_JIT = "MemoryDenyWriteExecute=yes\n"
CAMERAS = """\
ProtectClock=yes
DevicePolicy=closed
DeviceAllow=char-video4linux rw
DeviceAllow=char-media rw
DeviceAllow=char-dma_heap rw
"""
# NVIDIA documents neither its device nodes nor whether CUDA needs such pages; its camera daemon listens in /tmp.
JETSON = "BindPaths=-/tmp/argus_socket\n"


@dataclass(frozen=True)
class Service:
    """A unit to be: `scope` is "system" or "user", `command` absolute program and arguments.

    `account` is whom a system service runs as, None for one that systemd makes up (DynamicUser). `jetson` leaves out
    what its drivers might not bear. Raises UsageError for a name that is none.
    """

    name: str
    scope: str
    command: tuple[str, ...]
    account: str | None = None
    jetson: bool = False

    def __post_init__(self) -> None:
        check_name(self.name)

    @property
    def text(self) -> str:
        """The unit, as https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html describes it."""
        system = self.scope == "system"
        return UNIT.format(
            marker=MARKER,
            version=__version__,
            systemctl=SYSTEMCTL[self.scope],
            name=self.name,
            order=SYSTEM_ORDER if system else "",
            command=command_line(self.command),
            hardening=BOTH + (self._system() if system else ""),
            target="multi-user.target" if system else "default.target",
        )

    def _system(self) -> str:
        account = "DynamicUser=yes" if self.account is None else f"User={self.account}"
        devices = JETSON if self.jetson else NO_JIT + CAMERAS
        return SYSTEM.format(name=self.name, account=account) + devices


def command_line(words: Sequence[str]) -> str:
    """Words as ExecStart= takes them. Raises UsageError for control characters, and for quotes in the program's path.

    https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html#Command%20lines
    """
    program, *arguments = words
    if set(program) & set("\"'\\"):
        raise UsageError(
            f"{program}: systemd starts no program with a quote or \\ in its path; install it elsewhere"
        )
    return " ".join([_quoted(program), *(_quoted(word.replace("$", "$$")) for word in arguments)])


def _quoted(word: str) -> str:
    if not word.isprintable():
        raise UsageError(
            f"a unit holds printable characters only, found {word!r}; choose another name or path"
        )
    if _PLAIN.fullmatch(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def unit_path(name: str, scope: str, folder: Path | None = None) -> Path:
    """Where the unit of a service lies. Raises UsageError for a name that is none."""
    return (folder or FOLDERS[scope].expanduser()) / f"{check_name(name)}.service"


def write_unit(path: Path, service: Service, *, force: bool) -> None:
    """Write a unit, whole or not at all.

    Raises UsageError where one lies already: only edgecls' own is replaced, with `force`, and none of the system's is
    hidden by it. Raises EdgeclsError when it cannot be written.
    """
    taken = [base / service.scope / path.name for base in SYSTEM_UNITS]
    if (found := next((one for one in taken if one.exists()), None)) is not None:
        raise UsageError(f"{found} is a unit of the system; choose another --name")
    if path.exists() or path.is_symlink():
        _check_own(path)
        if not force:
            raise UsageError(f"{path} exists already; choose another --name or add --force")
    text = service.text
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EdgeclsError(f"{path.parent}: cannot be made ({error.strerror}); choose --unit-dir") from error
    write_bytes(path, text.encode())


def read_unit(path: Path) -> str:
    """The text of a unit. Raises UsageError when there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        reason = error.strerror
        raise UsageError(f"{path}: expected a unit, found none ({reason}); name it with --name") from error


def remove_unit(path: Path, scope: str) -> None:
    """Delete a unit that edgecls wrote. Raises UsageError for any other, and for one that is still enabled."""
    _check_own(path)
    if any(path.parent.glob(f"*.wants/{path.name}")):
        raise UsageError(f"{path} is enabled; first: {SYSTEMCTL[scope]} disable --now {path.stem}")
    try:
        path.unlink()
    except OSError as error:
        raise EdgeclsError(f"{path}: cannot be deleted ({error.strerror}); check the permissions") from error


def _check_own(path: Path) -> None:
    if not read_unit(path).startswith(MARKER):
        raise UsageError(f"{path} is not of edgecls; choose another --name, or see to it yourself")
