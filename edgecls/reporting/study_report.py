"""The report of a study: OUT/report.html in one file, and its pictures as SVG files under OUT/pictures/."""

from __future__ import annotations

from pathlib import Path

from edgecls.files import write_bytes
from edgecls.reporting.page import (
    Block,
    Bullets,
    Facts,
    Page,
    Prose,
    Section,
    Tile,
    Warnings,
    render,
    write_page,
)
from edgecls.reporting.study_answer import answer_sentences, study_headline
from edgecls.reporting.study_cells import best_of, cell_title, data_names, scored, top1_of
from edgecls.reporting.study_claims import claims_blocks
from edgecls.reporting.study_classes import classes_blocks
from edgecls.reporting.study_pairs import pairs_blocks
from edgecls.reporting.study_pictures import (
    Pictures,
    curve_pictures,
    latency_pictures,
    matrix_pictures,
    operations_pictures,
    time_pictures,
)
from edgecls.reporting.study_table import comparison_warnings, duration, table_blocks
from edgecls.reporting.wording import interval, machine_line, percent
from edgecls.studies.result import StudyResult
from edgecls.studies.study import Study

REPORT = "report.html"
PICTURES = "pictures"
TILES = 3  # data sets whose best cell is a tile


def write_study_report(folder: Path, study: Study, result: StudyResult) -> Path:
    """Write FOLDER/report.html and FOLDER/pictures/*.svg; returns the page's path.

    Raises MissingDependencyError without the report extra.
    """
    groups = {
        "latency": latency_pictures(result),
        "operations": operations_pictures(result),
        "time": time_pictures(result),
        "curves": curve_pictures(result),
        "matrices": matrix_pictures(result),
    }
    html = render(_page(study, result, groups))
    (folder / PICTURES).mkdir(parents=True, exist_ok=True)
    for group in groups.values():
        for name, picture in group.items():
            write_bytes(folder / PICTURES / f"{name}.svg", picture.svg)
    write_page(folder / REPORT, html)
    return folder / REPORT


def _page(study: Study, result: StudyResult, pictures: dict[str, Pictures]) -> Page:
    return Page(
        kind="Study",
        title=study.title,
        headline=study_headline(result),
        tiles=_tiles(result),
        sections=(
            Section("Question and answer", _answer(study, result)),
            Section("To look at", _warnings(study, result)),
            Section("Every cell", table_blocks(study, result)),
            Section("Paired differences", pairs_blocks(study, result)),
            Section("The review's claims", (*pictures["time"].values(), *claims_blocks(result))),
            Section("Accuracy against latency", tuple(pictures["latency"].values())),
            Section("Accuracy against multiply-adds", tuple(pictures["operations"].values())),
            Section("Learning curves", tuple(pictures["curves"].values())),
            Section("Accuracy of each class", classes_blocks(result)),
            Section("What is taken for what", tuple(pictures["matrices"].values())),
            Section("How it was made", (Facts(_facts(study, result)),)),
        ),
        wide=True,
    )


def _tiles(result: StudyResult) -> tuple[Tile, ...]:
    tiles = []
    for data in data_names(result)[:TILES]:
        best = best_of(scored(result, data))
        note = f"{cell_title(result, best.name)}; 95 % interval {interval(top1_of(best))}"
        tiles.append(Tile(f"best on {data}", percent(top1_of(best).value), note))
    count = Tile(
        "cells", str(len(result.cells)), f"{len(scored(result))} with figures, budget {result.budget}"
    )
    return (
        *tiles,
        count,
        Tile("training", duration(result.seconds), f"all cells, on {result.machine.model}"),
    )


def _answer(study: Study, result: StudyResult) -> tuple[Block, ...]:
    return (
        Prose(study.question),
        Bullets(answer_sentences(study, result)),
        Prose(f"Document: {study.document}"),
    )


def _warnings(study: Study, result: StudyResult) -> tuple[Block, ...]:
    sentences = comparison_warnings(study, result)
    return (Warnings(sentences),) if sentences else ()


def _facts(study: Study, result: StudyResult) -> tuple[tuple[str, str], ...]:
    budget = study.budgets[result.budget]
    limits = ", ".join(f"at most {count} {split}" for split, count in budget.photos.items())
    return (
        ("command", result.command),
        ("budget", f"{result.budget}: {limits or 'all photos'}, seeds {', '.join(map(str, budget.seeds))}"),
        *((f"photos of {data}", _photos(result, data)) for data in data_names(result)),
        *((f"about {data}", study.data[data].note) for data in data_names(result) if study.data[data].note),
        ("machine", machine_line(result.machine)),
        ("date", f"{result.created[:19].replace('T', ' ')} UTC"),
        ("training", f"{duration(result.seconds)}, all cells one after the other; latencies not counted"),
        ("versions", ", ".join(f"{name} {number}" for name, number in result.versions.items())),
        ("weights", _weights(result)),
    )


def _photos(result: StudyResult, data: str) -> str:
    photos = next((cell.photos for cell in scored(result, data) if cell.photos), None) or {}
    return ", ".join(f"{count} {split}" for split, count in photos.items()) or "not recorded"


def _weights(result: StudyResult) -> str:
    """Where each network's weights came from, once each."""
    sources: dict[str, list[str]] = {}
    for cell in scored(result):
        networks = sources.setdefault(cell.weights_from or "not recorded", [])
        if cell.name.network not in networks:
            networks.append(cell.name.network)
    return "; ".join(f"{', '.join(networks)}: {source}" for source, networks in sources.items())
