"""What `edgecls run` holds after many frames: memory, files and threads, at 1,000 frames and at the end.

    python benchmarks/long_run.py BUNDLE [--frames 100000] [-- further options of run]

Synthetic frames, as fast as the engine takes them. The limit is 5 MB of resident memory more, and no file or thread.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from edgecls.devices.detect import detect_machine

EARLY = 1000
LIMIT_MB = 5.0


class Held(NamedTuple):
    """What a process holds."""

    memory_mb: float
    files: int
    threads: int


def held_by(process: int) -> Held:
    """By Linux's /proc; VmRSS is in KiB there (proc(5))."""
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines() if ":" in line
    )
    files = len(list(Path(f"/proc/{process}/fd").iterdir()))
    return Held(int(status["VmRSS"].split()[0]) / 1024, files, int(status["Threads"]))


def main() -> None:
    """Print both readings and what was gained."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--frames", type=int, default=100_000)
    asked, further = parser.parse_known_args()
    edgecls = str(Path(sys.executable).with_name("edgecls"))
    source = "synthetic://320x240@1000"
    command = [
        edgecls,
        "run",
        str(asked.bundle),
        "--camera",
        source,
        "--json",
        *[one for one in further if one != "--"],
    ]
    early = end = None
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        results = (line for line in process.stdout if json.loads(line)["type"] == "result")
        for count, _ in enumerate(results, start=1):
            if count == EARLY:
                early = held_by(process.pid)
            if count == asked.frames:
                end = held_by(process.pid)
                break
        process.terminate()
        process.stdout.read()
    if early is None or end is None:
        raise SystemExit(
            f"expected {asked.frames} results, the run ended before; try it alone: {' '.join(command)}"
        )
    gained = end.memory_mb - early.memory_mb
    print(f"{asked.bundle.name} on {detect_machine().model}, {asked.frames} frames of {source}")
    print(f"after {EARLY}: {early.memory_mb:.1f} MB, {early.files} files, {early.threads} threads")
    print(f"at the end: {end.memory_mb:.1f} MB, {end.files} files, {end.threads} threads")
    good = gained <= LIMIT_MB and end.files <= early.files and end.threads <= early.threads
    print(f"gained {gained:+.1f} MB, limit {LIMIT_MB:.0f} MB and nothing else: {'met' if good else 'MISSED'}")


if __name__ == "__main__":
    main()
