"""What edgecls knows of a data set: what is in it, on what terms, where it lives and how it is laid out."""

from __future__ import annotations

from dataclasses import dataclass

from edgecls.errors import DataError

SPLIT_FILES = ("train", "t10k")  # MNIST's own words for training and test


@dataclass(frozen=True)
class HomeFile:
    """A file at a data set's home; `digest` is the md5 or sha256 by which it is known, hexadecimal."""

    name: str
    digest: str


@dataclass(frozen=True)
class Package:
    """A package of a registry that holds the same data; `client` is the program that brings it."""

    client: str
    name: str
    version: str = ""

    @property
    def words(self) -> str:
        """How a sentence names it."""
        return f"the {self.client} package {self.name} {self.version}".rstrip()


@dataclass(frozen=True)
class KnownData:
    """One data set.

    `counts`: photos for training, validation and test; 0 where the authors draw no such split or where it
    varies. `shape`: of every picture, (h, w) grey or (h, w, 3) RGB; empty for photos in class folders.
    `files` lie below each of `mirrors`, tried in order. `digests`: sha256 of the IDX files that come out.
    """

    name: str
    title: str
    classes: int
    counts: tuple[int, int, int]
    picture: str
    terms: str
    citation: str
    home: str
    layout: str
    instructions: str
    shape: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()
    mirrors: tuple[str, ...] = ()
    files: tuple[HomeFile, ...] = ()
    package: Package | None = None
    digests: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.labels and self.classes and len(self.labels) != self.classes:
            raise DataError(
                f"{self.name}: expected {self.classes} labels, found {len(self.labels)}; name each"
            )

    @property
    def fetchable(self) -> bool:
        """Whether edgecls can bring it in without the user's help."""
        return self.package is not None

    def idx_files(self) -> dict[str, tuple[int, ...]]:
        """The IDX files it is stored in, and the shape of each; empty for photos in class folders."""
        if not self.shape:
            return {}
        pictures = f"images-idx{1 + len(self.shape)}-ubyte"
        files: dict[str, tuple[int, ...]] = {}
        for split, count in zip(SPLIT_FILES, (self.counts[0], self.counts[2]), strict=True):
            files[f"{split}-{pictures}"] = (count, *self.shape)
            files[f"{split}-labels-idx1-ubyte"] = (count,)
        return files
