"""The one place that turns the folder of a training run into a TrainingReport."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgecls.metrics import class_reports
from edgecls.reporting.training_report import TrainingReport
from edgecls.runs import ALL_LAYERS, DOCUMENT, RunRecord, TrainingConfig, read_run


def training_report_of(run: Path) -> TrainingReport | None:
    """The report of the run in this folder; None when there is no run. Raises ModelError for one of another schema."""
    return training_report(read_run(run)) if (run / DOCUMENT).is_file() else None


def training_report(record: RunRecord) -> TrainingReport:
    """The TrainingReport of a run."""
    matrix = np.array(record.matrix, np.int64)
    config = record.config
    facts = (
        ("network", f"{config.network}, {record.parameters:,} parameters"),
        ("weights", record.weights_from),
        ("regime", _regime(config)),
        ("pictures", f"{config.size}x{config.size}, crop {config.crop}"),
        (
            "epochs",
            f"{len(record.history.get('loss', ()))} trained, weights of epoch {record.best_epoch} kept",
        ),
        ("rates", f"{_rates(config)}, batch {config.batch_size}"),
        (
            "augmentation",
            f"{config.augment} views" if config.regime == "head" else ("on" if config.augment else "off"),
        ),
        ("balance", config.balance),
        ("seed", str(config.seed)),
        ("status", record.status),
        (
            "time",
            f"{record.seconds.get('total', 0):.0f} s on {record.machine.model}, {record.machine.cores} cores",
        ),
    )
    data = (
        ("data", f"{record.data_name} ({record.data_root})"),
        ("classes", str(len(record.labels))),
        *((f"{split} photos", str(n)) for split, n in record.photos.items()),
        ("digest", record.data_digest[:16]),
    )
    return TrainingReport(
        title=record.name,
        facts=facts,
        history=record.history,
        matrix=matrix,
        class_reports=class_reports(matrix, record.labels),
        top1=record.test,
        problems=record.problems,
        photos="test photos",
        data=data,
        versions=tuple(record.versions.items()),
    )


def _regime(config: TrainingConfig) -> str:
    """The regime, and which layers fine-tuning trains."""
    if config.unfreeze is None:
        return config.regime
    return f"{config.regime}, " + (
        "all layers" if config.unfreeze == ALL_LAYERS else f"from {config.unfreeze} on"
    )


def _rates(config: TrainingConfig) -> str:
    """The rates that the regime reads."""
    first, tuning = f"{config.learning_rate:g}", f"fine-tuning {config.fine_tune_rate:g}"
    return {"finetune": tuning, "two-stage": f"{first}, {tuning}"}.get(config.regime, first)
