"""Detection: which machine this is, read from /proc and /etc, so that every figure can name what gave it."""

from __future__ import annotations

import platform
import re
from pathlib import Path

from edgecls.machine import Machine

X86 = frozenset({"x86_64", "i386", "i486", "i586", "i686"})
ARM = ("aarch64", "arm")

# Arm does not print a processor's name: implementer and part, as in Linux' arch/arm64/include/asm/cputype.h.
ARM_PARTS = {
    ("0x41", "0xc07"): "Cortex-A7",
    ("0x41", "0xd03"): "Cortex-A53",
    ("0x41", "0xd04"): "Cortex-A35",
    ("0x41", "0xd05"): "Cortex-A55",
    ("0x41", "0xd07"): "Cortex-A57",
    ("0x41", "0xd08"): "Cortex-A72",
    ("0x41", "0xd09"): "Cortex-A73",
    ("0x41", "0xd0a"): "Cortex-A75",
    ("0x41", "0xd0b"): "Cortex-A76",
    ("0x41", "0xd0c"): "Neoverse-N1",
    ("0x41", "0xd40"): "Neoverse-V1",
    ("0x41", "0xd41"): "Cortex-A78",
    ("0x41", "0xd42"): "Cortex-A78AE",
    ("0x41", "0xd49"): "Neoverse-N2",
    ("0x41", "0xd4f"): "Neoverse-V2",
    ("0x4e", "0x003"): "NVIDIA Denver 2",
    ("0x4e", "0x004"): "NVIDIA Carmel",
}


def detect_machine(root: Path = Path("/"), *, architecture: str | None = None) -> Machine:
    """Describe the machine whose /proc and /etc lie below `root`; what cannot be read is "unknown" or 0.

    `architecture` is that of the running kernel unless given.
    """
    architecture = architecture or platform.machine()
    cpuinfo = _read(root / "proc/cpuinfo")
    processor = _processor(cpuinfo)
    return Machine(
        model=_read(root / "proc/device-tree/model") or processor,
        processor=processor,
        architecture=architecture,
        cores=len(re.findall(r"^processor\s*:", cpuinfo, re.MULTILINE)),
        memory_mb=_memory_mb(_read(root / "proc/meminfo")),
        system=_system(root),
        python=platform.python_version(),
        int8_dot=_int8_dot(architecture, cpuinfo),
    )


def _read(path: Path) -> str:
    """A file's text without the NUL that ends device-tree strings, or "" where it cannot be read."""
    try:
        return path.read_bytes().decode(errors="replace").strip("\0\n ")
    except OSError:
        return ""


def _field(cpuinfo: str, key: str) -> str:
    """The first value of `key` in /proc/cpuinfo, or ""."""
    found = re.search(rf"^{re.escape(key)}\s*:\s*(.*)$", cpuinfo, re.MULTILINE)
    return found[1].strip() if found else ""


def _processor(cpuinfo: str) -> str:
    implementer, part = _field(cpuinfo, "CPU implementer"), _field(cpuinfo, "CPU part")
    named = ARM_PARTS.get((implementer, part))
    if named is None and part:
        named = _field(cpuinfo, "model name") or f"Arm {implementer}/{part}"
    return named or _field(cpuinfo, "model name") or "unknown"


def _memory_mb(meminfo: str) -> int:
    """Memory the system can use, MiB: less than what the board carries, firmware keeps some."""
    found = re.search(r"^MemTotal:\s*(\d+) kB", meminfo, re.MULTILINE)
    return int(found[1]) // 1024 if found else 0


def _system(root: Path) -> str:
    found = re.search(r'^PRETTY_NAME="?([^"\n]*)"?', _read(root / "etc/os-release"), re.MULTILINE)
    release = _read(root / "proc/sys/kernel/osrelease") or platform.release()
    kernel = ".".join(release.split("-")[0].split(".")[:2])
    return f"{found[1] if found else 'Linux'}, Linux {kernel}"


def _int8_dot(architecture: str, cpuinfo: str) -> str:
    """How 8-bit products are summed here: see Machine.int8_dot."""
    if architecture in X86:
        flags = set(_field(cpuinfo, "flags").split())
        return "vnni" if flags & {"avx512_vnni", "avx_vnni"} else "saturating"
    if architecture.startswith(ARM):
        return "dotprod" if "asimddp" in _field(cpuinfo, "Features").split() else "neon"
    return "unknown"
