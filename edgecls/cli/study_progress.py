"""How far a study is: a bar over its cells with the time that is left, and what is at work now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from edgecls.cli.console import err, say
from edgecls.cli.study_summary import cell_name, duration
from edgecls.studies.estimate import Estimate
from edgecls.studies.result import CellResult
from edgecls.studies.running import Prepared
from edgecls.studies.work import Step

Hear = Callable[[CellResult | Step], None]


def learned(prepared: Prepared) -> Estimate:
    """What the cells that are done already say about the time of the others."""
    estimate = Estimate()
    for cell in prepared.results.values():
        if cell.seconds and cell.photos:
            estimate.learn(cell.config, cell.photos, cell.seconds["total"])
    return estimate


def seconds_left(prepared: Prepared, estimate: Estimate, done: set[str], *, jobs: int) -> float:
    """Seconds that the cells will take whose keys are not among `done`, on this machine."""
    left = [
        [
            (keyed.cell.config, prepared.photos[keyed.cell.name.data])
            for keyed in group
            if keyed.key not in done
        ]
        for group in prepared.groups
    ]
    return estimate.seconds(left, jobs=jobs)


@contextmanager
def show_progress(prepared: Prepared, *, jobs: int) -> Iterator[Hear]:
    """A bar on stderr, with a line for each cell that is done; without a terminal the lines alone."""
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        console=err,
        disable=not err.is_terminal,
    ) as bars:
        yield _Shown(prepared, bars, jobs).hear


class _Shown:
    def __init__(self, prepared: Prepared, bars: Progress, jobs: int) -> None:
        self._prepared, self._bars, self._jobs = prepared, bars, jobs
        self._estimate, self._done = learned(prepared), set[str]()
        self._names = {keyed.key: cell_name(keyed.cell.name) for keyed in prepared.cells}
        self._steps: dict[str, TaskID] = {}
        self._all = bars.add_task("cells", total=len(prepared.waiting()), left=self._left())

    def hear(self, message: CellResult | Step) -> None:
        if isinstance(message, Step):
            self._step(message)
        else:
            self._finish(message)

    def _step(self, step: Step) -> None:
        """One line for each cell at work, that of its newest step."""
        if step.key not in self._steps:
            self._steps[step.key] = self._bars.add_task("", total=None, left="")
        what = f"  {self._names.get(step.key, '')} {step.description}"
        self._bars.update(self._steps[step.key], description=what, completed=step.done, total=step.total)

    def _finish(self, cell: CellResult) -> None:
        self._done.add(cell.key)
        if cell.key in self._steps:
            self._bars.remove_task(self._steps.pop(cell.key))
        if cell.seconds and cell.photos:
            self._estimate.learn(cell.config, cell.photos, cell.seconds["total"])
        left = self._left()
        self._bars.update(self._all, advance=1, left=left)
        place = f"[{len(self._done)}/{len(self._prepared.waiting())}]"
        say(f"{place} {cell_name(cell.name)}: {_outcome(cell)}; {left}")

    def _left(self) -> str:
        seconds = seconds_left(self._prepared, self._estimate, self._done, jobs=self._jobs)
        return f"about {duration(seconds)} left" if seconds else "no cell left"


def _outcome(cell: CellResult) -> str:
    if cell.test is None:
        return f"failed: {cell.failure}"
    return f"{100 * cell.test.value:.1f} % in {duration((cell.seconds or {}).get('total', 0))}"
