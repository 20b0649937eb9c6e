"""How long a study will still take, judged by the cells that are done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from edgecls.runs import TrainingConfig

START_S = 5  # building and compiling a network
BACKWARD = 3  # a photo that is trained on costs about three that are only looked at
ROUGH = 3e-7  # seconds a pixel: MobileNetV2 on two cores; others take from a tenth to fifty times of it


Work = tuple[TrainingConfig, Mapping[str, int]]  # a cell's configuration and how many photos each split has


def work_of(config: TrainingConfig, photos: Mapping[str, int]) -> float:
    """Pixels that pass the network in a cell, forward ones; `photos` counts each split."""
    train, validation, test = photos["train"], photos["validation"], photos["test"]
    passes = float(validation + test)
    if config.regime in ("head", "two-stage"):
        passes += train * (1 + config.augment)
    if config.regime != "head":
        epochs = config.epochs if config.regime == "scratch" else config.fine_tune_epochs
        passes += epochs * (BACKWARD * train + validation)
    return passes * config.size**2


@dataclass
class Estimate:
    """Seconds for each pixel, learned by network and regime: of the same cells, else of any, else ROUGH."""

    _learned: dict[tuple[str, ...], tuple[float, float]] = field(default_factory=dict)

    def learn(self, config: TrainingConfig, photos: Mapping[str, int], seconds: float) -> None:
        """A cell with this configuration took so many seconds."""
        for key in ((config.network, config.regime), (config.regime,), ()):
            taken, work = self._learned.get(key, (0.0, 0.0))
            self._learned[key] = (taken + seconds, work + work_of(config, photos))

    def seconds(self, groups: Iterable[Iterable[Work]], *, jobs: int = 1) -> float:
        """Seconds that these groups will take, `jobs` at once; the cells of a group follow one another."""
        each = [sum(self._seconds(config, photos) for config, photos in group) for group in groups]
        return max(max(each, default=0.0), sum(each) / jobs)

    def _seconds(self, config: TrainingConfig, photos: Mapping[str, int]) -> float:
        for key in ((config.network, config.regime), (config.regime,), ()):
            if key in self._learned:
                taken, work = self._learned[key]
                return taken / work * work_of(config, photos)
        return START_S + ROUGH * work_of(config, photos)
