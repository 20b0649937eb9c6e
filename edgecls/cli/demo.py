"""`edgecls demo`: the whole way once, on real photos, each step the command a user would type."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from edgecls.cli.console import out, print_table, progress, say

T = TypeVar("T")

NETWORK = "efficientnet_lite0"
# Views of each training photo: chosen by cross-validation on the training and validation photos.
VIEWS = 4
FRAMES = 200
FPS = 30.0


@dataclass
class _Diary:
    """What was done, how long it took and where its result lies: the table at the end."""

    rows: list[list[str]] = field(default_factory=list)

    def step(self, words: str, work: Callable[[], T], result: Callable[[T], object]) -> T:
        """Announce a step, do it, and write it down."""
        out.rule(f"[bold]{words}", align="left")
        started = time.monotonic()
        value = work()
        self.rows.append([words, f"{time.monotonic() - started:.0f} s", str(result(value))])
        return value


def command(
    data: Annotated[Path, typer.Option(help="Where the photos are unpacked.")] = Path("data/groceries"),
    camera: Annotated[
        str | None, typer.Option(help="What to classify at the end; default the test photos.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of training and export.")] = 0,
) -> None:
    """Real supermarket photos to a measured int8 classifier, every step of it. A second run reuses the first."""
    from edgecls.cli import bench, export, report, run, train, verify

    diary = _Diary()
    diary.step("unpack the groceries photos", lambda: _unpack(data), lambda _: data)
    trained = diary.step(
        f"edgecls train {data} --network {NETWORK} --augment {VIEWS}",
        lambda: train.command(data, network=NETWORK, augment=VIEWS, seed=seed),
        lambda folder: folder,
    )
    bundle = diary.step(
        f"edgecls export {trained} --int8",
        lambda: export.command(str(trained), seed=seed),
        lambda folder: folder,
    )
    diary.step(f"edgecls verify {bundle}", lambda: verify.command(str(bundle)), lambda _: "sound")
    diary.step(
        f"edgecls bench {bundle}",
        lambda: bench.command(str(bundle)),
        lambda _: bundle / "reports" / "bench.md",
    )
    source = camera or f"{data}/test"
    diary.step(
        f"edgecls run {bundle} --camera {source}",
        lambda: _watch(run.command, bundle, source, live=camera is None),
        lambda _: f"{FRAMES} frames" if camera is None else source,
    )
    page = bundle / "reports" / "report.html"
    diary.step(f"edgecls report {bundle}", lambda: report.command(str(bundle)), lambda _: page)
    out.rule("[bold]done", align="left")
    print_table("What was made", ["step", "time", "result"], diary.rows)
    say(f"next: open {page}, then: edgecls run {bundle} --camera 0")


def _unpack(data: Path) -> None:
    from edgecls.samples.groceries import unpack_groceries

    with progress("photos") as tick:
        fresh = unpack_groceries(data, tick, option="--data")
    say(f"{data}: {'unpacked' if fresh else 'unchanged'}")


def _watch(run: Callable[..., None], bundle: Path, source: str, *, live: bool) -> None:
    """Classify the test photos replayed as a camera would show them, or what the user's source gives."""
    if live:
        run(str(bundle), camera=source, live=True, fps=FPS, max_frames=FRAMES)
    else:
        run(str(bundle), camera=source, max_frames=FRAMES)
