"""`edgecls runs`: the training runs there are, newest first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("runs"),
    json: Annotated[bool, typer.Option("--json", help="Print the records as JSON.")] = False,
) -> None:
    """List the training runs with their accuracy, newest first."""
    from edgecls.cli.console import print_json, print_table, say
    from edgecls.errors import ModelError
    from edgecls.names import entries
    from edgecls.records import to_record
    from edgecls.runs import DOCUMENT, RunRecord, read_run
    from edgecls.training.run_folder import bring_back

    for folder in bring_back(runs):
        say(
            f"{folder}: training it again with --force was cut short; finish that with --resume, "
            "or delete the folder to have the earlier run back"
        )
    found: list[RunRecord] = []
    for folder in entries(runs):
        if not (folder / DOCUMENT).is_file():
            continue
        try:
            found.append(read_run(folder))
        except ModelError as error:
            say(str(error))
    found.sort(key=lambda record: record.created, reverse=True)
    if json:
        print_json([to_record(record) for record in found])
    elif not found:
        say(f"no run under {runs}/ yet; make one with: edgecls train DATA")
    else:
        print_table(
            "runs",
            ["name", "regime", "data", "test top-1", "photos", "created", "status"],
            [_row(r) for r in found],
        )


def _row(record: object) -> list[str]:
    from edgecls.runs import RunRecord

    assert isinstance(record, RunRecord)
    return [
        record.name,
        record.config.regime,
        record.data_name,
        f"{100 * record.test.value:.1f} %",
        str(record.test.n),
        record.created[:16].replace("T", " "),
        record.status,
    ]
