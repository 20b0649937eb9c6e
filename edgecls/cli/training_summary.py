"""What `edgecls train` tells a person: the photos before, the result after, and the run's page."""

from __future__ import annotations

from pathlib import Path

from edgecls.cli.console import print_table, say
from edgecls.errors import MissingDependencyError
from edgecls.files import write_bytes
from edgecls.photos import DataSet
from edgecls.runs import RunRecord

IMBALANCE = 3.0
LISTED_PROBLEMS = 8


def print_data(dataset: DataSet) -> None:
    """The photos of each class and split, what was left out, and what a user should know of them."""
    rows = [[label, *(str(n) for n in counts)] for label, *counts in dataset.counts()]
    totals = [str(len(photos)) for photos in (dataset.train, dataset.validation, dataset.test)]
    columns = ["class", "train", "validation", "test"]
    print_table(f"{dataset.root}: {len(dataset.labels)} classes", columns, [*rows, ["all", *totals]])
    _print_problems(tuple(f"{problem.name}: {problem.reason}" for problem in dataset.problems))
    for sentence in _advice(dataset):
        say(f"note: {sentence}")


def _advice(dataset: DataSet) -> list[str]:
    counts = dataset.counts()
    train = [row[1] for row in counts]
    advice = []
    if max(train) > IMBALANCE * min(train):
        advice.append(
            f"the largest class has {max(train)} training photos, the smallest {min(train)}; "
            "--balance weights or --balance sampling evens this out"
        )
    for split, column in (("validation", 2), ("test", 3)):
        empty = [row[0] for row in counts if row[column] == 0]
        if empty:
            advice.append(
                f"no {split} photo shows {', '.join(map(str, empty))}; its figures say nothing of them"
            )
    return advice


def _print_problems(problems: tuple[str, ...]) -> None:
    if not problems:
        return
    say(f"{len(problems)} photos were left out:")
    for problem in problems[:LISTED_PROBLEMS]:
        say(f"  {problem}")
    if len(problems) > LISTED_PROBLEMS:
        say(f"  ... and {len(problems) - LISTED_PROBLEMS} more, all in run.json")


def print_result(folder: Path, record: RunRecord) -> None:
    """The accuracies of a run and where it lies."""
    _print_problems(record.problems)
    rows = [
        [name, f"{100 * p.value:.1f} %", f"{100 * p.low:.1f} to {100 * p.high:.1f} %", str(p.n)]
        for name, p in (("validation", record.validation), ("test", record.test))
    ]
    print_table(f"{folder}", ["split", "top-1", "95 % interval", "photos"], rows)
    chance = 1 / len(record.labels)
    if record.test.low < chance:
        say(
            f"note: this is not surely better than guessing ({100 * chance:.1f} %); train longer or on more photos"
        )
    epochs = len(record.history.get("loss", ()))
    say(
        f"{epochs} epoch{'s'[: epochs > 1]}, weights of epoch {record.best_epoch} kept; {record.seconds['total']:.0f} s"
    )


def write_report(folder: Path, record: RunRecord) -> None:
    """Write the run's report.html, or say which extra draws it."""
    from edgecls.reporting.html import training_page
    from edgecls.reporting.run_source import training_report

    try:
        page = training_page(training_report(record))
    except MissingDependencyError as error:
        say(f"no report.html: {error}")
        return
    write_bytes(folder / "report.html", page.encode())
    say(f"report: {folder / 'report.html'}")
