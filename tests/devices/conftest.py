"""Machines to look at: small trees of /proc, /sys and /etc, as these boards show them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

MakeRoot = Callable[..., Path]

OS_RELEASE = 'NAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\n'


@pytest.fixture
def make_root(tmp_path: Path) -> MakeRoot:
    """Gives the function that writes files below a root: path -> text."""

    def make(
        files: dict[str, str] | None = None, *, cpuinfo: str = "", model: str = "", memory_kb: int = 0
    ) -> Path:
        texts = {
            "proc/cpuinfo": cpuinfo,
            "proc/meminfo": f"MemTotal:       {memory_kb} kB\nMemFree:  1 kB\n",
            "proc/sys/kernel/osrelease": "6.1.0-rpi8-rpi-v8\n",
            "etc/os-release": OS_RELEASE,
            **({"proc/device-tree/model": f"{model}\0"} if model else {}),
            **(files or {}),
        }
        for name, text in texts.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    return make
