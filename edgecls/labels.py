"""Labels: the class names of a model, in the order of its outputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edgecls.errors import DataError, ModelError


@dataclass(frozen=True)
class Labels:
    """Class names; the position of a name is the index of its output.

    Raises DataError when a name is empty, holds a line break, or stands twice.
    """

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in self.names:
            if not name.strip() or "\n" in name or "\r" in name:
                raise DataError(f"a label must be one non-empty line, found {name!r}; rename the class")
        if len(set(self.names)) != len(self.names):
            twice = sorted({name for name in self.names if self.names.count(name) > 1})
            raise DataError(f"labels must differ, found twice: {', '.join(twice)}; rename one of them")

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> str:
        return self.names[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def check_outputs(self, outputs: int, owner: str) -> None:
        """Raise ModelError unless a model with `outputs` scores fits these labels."""
        if outputs != len(self.names):
            raise ModelError(
                f"{owner} gives {outputs} scores but its labels name {len(self.names)} classes; "
                "use the model and the labels of the same export"
            )

    def check_thresholds(self, thresholds: Sequence[float], owner: str) -> None:
        """Raise ModelError unless these are one threshold for each label, probabilities of 0 to 1."""
        if len(thresholds) != len(self.names):
            raise ModelError(
                f"{owner}: expected a threshold for each of {len(self.names)} classes, found {len(thresholds)}; "
                "make it anew with: edgecls export"
            )
        for name, threshold in zip(self.names, thresholds, strict=True):
            if not 0 <= threshold <= 1:
                raise ModelError(
                    f"{owner}: expected a threshold of 0 to 1 for '{name}', found {threshold:g}; "
                    "make it anew with: edgecls export"
                )
