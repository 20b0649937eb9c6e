"""FrameSource: where pictures come from, and the frames and faults it gives."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from edgecls.preprocess import Pixels

USUAL_FPS = 30.0

Closer = TypeVar("Closer", bound="Closing")


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a source: uint8 BGR of shape (h, w, 3).

    `index` counts within the source from 0, pictures that could not be read included. `captured_ns` is the
    Clock's reading when the picture was taken, or when it was read where nobody knows more. `path` is the photo or
    video it came from; `media_ns` its place in a video's own time, which a replay runs through faster or slower.
    """

    pixels: Pixels
    index: int
    captured_ns: int
    path: Path | None = None
    media_ns: int | None = None

    @property
    def at_ns(self) -> int:
        """When it was taken, on the source's own time line."""
        return self.captured_ns if self.media_ns is None else self.media_ns


@dataclass(frozen=True)
class Fault:
    """One sentence about a picture that was passed over, a source or sink that fails, or the end when `fatal`.

    `recovered_s` says that something works again, and for how many seconds it did not.
    """

    message: str
    index: int | None = None
    path: Path | None = None
    fatal: bool = False
    recovered_s: float | None = None


class FrameSource(Protocol):
    """Gives Frames in order.

    A `live` source goes on whether or not somebody looks, so its reader keeps the newest frame only; of the
    others no frame is ever left out. An `endless` one is a device: its end is a failure, and iterating again opens it
    anew. The frames of a `sequence` follow each other in time; photos of a folder do not. `faults` holds what was
    passed over since somebody last emptied it. A live source whose thread neither gives a frame nor fails for
    `patience_s` seconds hangs.
    """

    name: str
    live: bool
    endless: bool
    sequence: bool
    patience_s: float
    faults: deque[Fault]

    def __iter__(self) -> Iterator[Frame]:
        """Raises DeviceError or DataError when the source fails as a whole."""
        ...

    def close(self) -> None:
        """Free the source and let a running iteration end soon; from any thread, any number of times."""
        ...

    def __enter__(self) -> FrameSource: ...

    def __exit__(self, *error: object) -> None: ...


class Closing:
    """What makes a source with `close` a context manager."""

    endless = False
    sequence = True

    def __enter__(self: Closer) -> Closer:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        raise NotImplementedError
