"""Fitting labels into a picture: each hides as little as it can and stays near its mark. Pixels, y up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import cos, hypot, pi, sin

RADII = (14, 22, 32, 44, 58, 76, 98, 124)  # where labels are tried, in points from their mark
ANGLES = 16
STEPS = 12  # points looked at along the line from a mark to its label
GAP = 3.0  # free pixels around a label

# What it costs to cover a square pixel of each, and to stand a pixel away from the mark.
LABEL, OUTSIDE, MARK, BAR = 100.0, 100.0, 20.0, 3.0
CROSSING, DISTANCE = 400.0, 3.0


@dataclass(frozen=True)
class Box:
    """A rectangle."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def area(self) -> float:
        return (self.right - self.left) * (self.top - self.bottom)

    def overlap(self, other: Box) -> float:
        """The common area."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(0.0, width) * max(0.0, height)

    def holds(self, point: tuple[float, float]) -> bool:
        return self.left <= point[0] <= self.right and self.bottom <= point[1] <= self.top

    def grown(self, margin: float) -> Box:
        return Box(self.left - margin, self.bottom - margin, self.right + margin, self.top + margin)


@dataclass(frozen=True)
class Place:
    """A label's centre, its box, and the points along the line to its mark."""

    x: float
    y: float
    box: Box
    line: tuple[tuple[float, float], ...]
    distance: float


@dataclass(frozen=True)
class Surface:
    """A picture with its marks and bars, and the labels placed so far."""

    page: Box
    marks: tuple[Box, ...]
    bars: tuple[Box, ...]
    labels: tuple[Place, ...] = ()

    def best_place(self, x: float, y: float, *, width: float, height: float, scale: float) -> Place:
        """The cheapest place for a label of this size whose mark is at (x, y); `scale` is pixels a point."""
        return min(_places(x, y, width, height, scale), key=self._cost)

    def with_label(self, place: Place) -> Surface:
        return replace(self, labels=(*self.labels, place))

    def _cost(self, place: Place) -> float:
        return (
            LABEL * sum(place.box.grown(GAP).overlap(other.box) for other in self.labels)
            + OUTSIDE * (place.box.area - place.box.overlap(self.page))
            + MARK * sum(place.box.overlap(mark) for mark in self.marks)
            + BAR * sum(place.box.overlap(bar) for bar in self.bars)
            + CROSSING * self._crossings(place)
            + DISTANCE * place.distance
        )

    def _crossings(self, place: Place) -> int:
        mine = sum(other.box.holds(point) for other in self.labels for point in place.line)
        theirs = sum(place.box.holds(point) for other in self.labels for point in other.line)
        return mine + theirs


def _places(x: float, y: float, width: float, height: float, scale: float) -> Iterator[Place]:
    """Places around a mark: on each ray the label's edge, not its centre, is so far away."""
    for radius in RADII:
        for step in range(ANGLES):
            angle = 2 * pi * step / ANGLES
            cx = x + (radius * scale + width / 2) * cos(angle)
            cy = y + (radius * scale + height / 2) * sin(angle)
            box = Box(cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2)
            line = tuple((x + (cx - x) * i / STEPS, y + (cy - y) * i / STEPS) for i in range(2, STEPS))
            yield Place(cx, cy, box, line, hypot(cx - x, cy - y))
