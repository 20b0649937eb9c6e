"""Detection: a machine is described by what its /proc and /etc say."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path

import pytest

from edgecls.devices.detect import detect_machine

MakeRoot = Callable[..., Path]

OLD_ARM = "fp asimd evtstrm crc32 cpuid"
NEW_ARM = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"


def arm(part: str, features: str, cores: int = 4) -> str:
    core = f"Features\t: {features}\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: {part}\n"
    return "\n".join(f"processor\t: {i}\nBogoMIPS\t: 108.00\n{core}" for i in range(cores))


def x86(flags: str) -> str:
    return "\n".join(
        f"processor\t: {i}\nmodel name\t: AMD EPYC 7763\nflags\t\t: fpu {flags} sse2\n" for i in range(2)
    )


@pytest.mark.parametrize(
    ("model", "part", "features", "cores", "processor", "int8_dot"),
    [
        ("Raspberry Pi 4 Model B Rev 1.4", "0xd08", OLD_ARM, 4, "Cortex-A72", "neon"),
        ("Raspberry Pi 5 Model B Rev 1.0", "0xd0b", NEW_ARM, 4, "Cortex-A76", "dotprod"),
        ("NVIDIA Jetson Orin Nano Developer Kit", "0xd42", NEW_ARM, 6, "Cortex-A78AE", "dotprod"),
        ("Some new board", "0xfff", NEW_ARM, 8, "Arm 0x41/0xfff", "dotprod"),
    ],
)
def test_an_arm_board_is_named_by_its_device_tree_and_its_cores(
    make_root: MakeRoot, model: str, part: str, features: str, cores: int, processor: str, int8_dot: str
) -> None:
    root = make_root(cpuinfo=arm(part, features, cores), model=model, memory_kb=3884272)
    machine = detect_machine(root, architecture="aarch64")
    assert (machine.model, machine.processor, machine.cores) == (model, processor, cores)
    assert (machine.architecture, machine.int8_dot, machine.saturates) == ("aarch64", int8_dot, False)
    assert machine.memory_mb == 3884272 // 1024
    assert machine.system == "Debian GNU/Linux 12 (bookworm), Linux 6.1"
    assert machine.python == platform.python_version()


@pytest.mark.parametrize(
    ("flags", "int8_dot"),
    [
        ("avx2 fma", "saturating"),
        ("avx2 avx512f avx512_vnni", "vnni"),
        ("avx2 avx_vnni", "vnni"),
        ("ssse3", "saturating"),
        ("avx2 avx_vnni_int8x", "saturating"),
    ],
)
def test_an_x86_machine_is_told_apart_by_its_vnni_flags(
    make_root: MakeRoot, flags: str, int8_dot: str
) -> None:
    machine = detect_machine(make_root(cpuinfo=x86(flags), memory_kb=2048), architecture="x86_64")
    assert (machine.model, machine.processor) == ("AMD EPYC 7763", "AMD EPYC 7763")
    assert (machine.cores, machine.memory_mb) == (2, 2)
    assert machine.int8_dot == int8_dot
    assert machine.saturates is (int8_dot == "saturating")


def test_a_32_bit_system_on_arm_is_named_by_its_part(make_root: MakeRoot) -> None:
    cpuinfo = "processor\t: 0\nmodel name\t: ARMv7 Processor rev 3 (v7l)\n" + arm(
        "0xd08", "half thumb neon", 0
    )
    cpuinfo += "Features\t: half thumb neon\nCPU implementer\t: 0x41\nCPU part\t: 0xd08\n"
    machine = detect_machine(make_root(cpuinfo=cpuinfo), architecture="armv7l")
    assert (machine.processor, machine.int8_dot, machine.cores) == ("Cortex-A72", "neon", 1)


def test_a_machine_that_tells_nothing_is_unknown_and_no_error(tmp_path: Path) -> None:
    machine = detect_machine(tmp_path, architecture="riscv64")
    assert (machine.model, machine.processor, machine.int8_dot) == ("unknown", "unknown", "unknown")
    assert (machine.cores, machine.memory_mb) == (0, 0)
    assert machine.system.startswith("Linux, Linux ")


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="needs Linux")
def test_this_machine_is_described() -> None:
    machine = detect_machine()
    assert machine.architecture == platform.machine()
    assert machine.cores >= 1
    assert machine.memory_mb > 100
    assert machine.model != "unknown"
