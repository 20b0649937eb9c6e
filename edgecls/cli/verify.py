"""`edgecls verify`: prove that a bundle is whole and gives the measured answers on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgecls.cli.console import print_json, print_table, progress, say
from edgecls.errors import ModelError

if TYPE_CHECKING:
    from edgecls.bundle import Bundle
    from edgecls.runtime.verify import VariantCheck, Verification

SCHEMA = 1
BUNDLE = "Bundle: its folder or its name below ./bundles; by default the newest."


def command(
    bundle: Annotated[str | None, typer.Argument(help=BUNDLE)] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="By default one a core, at most 4.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Check every file of a bundle and replay its golden photos on each engine of this machine."""
    from edgecls.bundle import Bundle, find_bundle
    from edgecls.devices.detect import detect_machine
    from edgecls.runtime.classifier import default_threads
    from edgecls.runtime.verify import verify_bundle

    opened = Bundle.open(find_bundle(bundle))
    say(f"using {opened.folder}")
    with progress("variants") as tick:
        found = verify_bundle(opened, detect_machine(), threads=threads or default_threads(), tick=tick)
    if json:
        print_json(_document(opened, found))
    else:
        _print(found)
    if not found.passed:
        failed = [check.reason for check in found.variants if check.outcome.value == "failed"]
        raise ModelError(f"{opened.folder} does not verify: " + "; ".join([*failed, *found.faults]))


def _document(bundle: Bundle, found: Verification) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "bundle": bundle.name,
        "passed": found.passed,
        "files_checked": found.files_checked,
        "errors": list(found.faults),
        "variants": [_record(check) for check in found.variants],
    }


def _record(check: VariantCheck) -> dict[str, Any]:
    from edgecls.records import to_record

    return {
        "file": check.variant.file,
        "format": check.variant.format,
        "precision": check.variant.precision,
        "outcome": check.outcome.value,
        "reason": check.reason,
        "replay": to_record(check.replay) if check.replay else None,
    }


def _print(found: Verification) -> None:
    columns = ["variant", "outcome", "engine", "photos", "same top-1", "largest difference"]
    print_table("Golden photos", columns, [_row(check) for check in found.variants])
    say(f"{found.files_checked} files checked, {len(found.faults)} photos or answers not as recorded")
    for check in found.variants:
        if check.outcome.value == "skipped":
            say(f"skipped {check.variant.key}: {check.reason}")


def _row(check: VariantCheck) -> list[str]:
    replay = check.replay
    if replay is None:
        return [check.variant.key, check.outcome.value, "", "", "", ""]
    return [
        check.variant.key,
        check.outcome.value,
        replay.engine,
        str(replay.photos),
        f"{replay.agreement:.1%}",
        f"{replay.largest_difference:.6f}",
    ]
