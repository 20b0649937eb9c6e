"""The one place that turns the folder of a training run into a TrainingReport."""

from __future__ import annotations

from pathlib import Path

from edgecls.reporting.training_report import TrainingReport

RUN_DOCUMENT = "run.json"


def training_report_of(run: Path) -> TrainingReport | None:
    """The report of the run in this folder; None when there is no run, or none that can be shown."""
    return None
