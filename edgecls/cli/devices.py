"""`edgecls devices`: the boards edgecls knows, and which one this is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edgecls.cli.console import out, print_json, print_table

if TYPE_CHECKING:
    from edgecls.devices.profile import DeviceProfile


def command(
    name: Annotated[str | None, typer.Argument(help="Show this board alone, with notes and sources.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """List the boards edgecls knows, or show one of them."""
    from edgecls.devices.detect import detect_machine
    from edgecls.devices.profile import find_profile, load_profiles, match_profile
    from edgecls.records import to_record

    machine = detect_machine()
    here = match_profile(machine)
    shown = (find_profile(name),) if name else load_profiles()
    if json:
        matched = here.name if here else None
        print_json(
            {"machine": to_record(machine), "matched": matched, "profiles": [to_record(p) for p in shown]}
        )
    elif name:
        _print_profile(shown[0])
    else:
        out.print(
            f"this machine: {machine.model}, {machine.architecture}, {machine.cores} cores", markup=False
        )
        columns = ["device", "cores", "memory, GB", "int8 sums", "tried", "here"]
        print_table("Devices", columns, [_row(profile, here) for profile in shown])


def _row(profile: DeviceProfile, here: DeviceProfile | None) -> list[str]:
    return [
        profile.name,
        str(profile.cores or "any"),
        _memory(profile),
        profile.int8_dot,
        "yes" if profile.tried else "no",
        "*" if profile == here else "",
    ]


def _memory(profile: DeviceProfile) -> str:
    return "/".join(f"{size / 1024:g}" for size in profile.memory_mb) or "any"


def _print_profile(profile: DeviceProfile) -> None:
    """Every fact of one profile, a line each."""
    facts = {
        "title": profile.title,
        "processor": profile.processor,
        "architecture": profile.architecture,
        "cores": str(profile.cores or "any"),
        "memory, GB": _memory(profile),
        "int8 sums": profile.int8_dot,
        "cameras": ", ".join(profile.cameras),
        "tried": "yes" if profile.tried else "no",
    }
    lines = [f"{key:13} {value}" for key, value in facts.items() if value]
    lines += [f"note          {note}" for note in profile.notes]
    lines += [f"source        {source}" for source in profile.source]
    out.print("\n".join(lines), markup=False)
