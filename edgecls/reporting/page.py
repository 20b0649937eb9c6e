"""Page: a report as blocks of text, tables and pictures, and the one template that makes HTML of it."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from edgecls import __version__
from edgecls.errors import need
from edgecls.files import utc_now, write_bytes

TEMPLATES = Path(__file__).parent / "templates"
TEMPLATE = "report.html.j2"


@dataclass(frozen=True)
class Tile:
    """One figure of the headline: what it is, its value, and the small print below."""

    name: str
    value: str
    note: str


@dataclass(frozen=True)
class Prose:
    """A paragraph."""

    kind: ClassVar[str] = "prose"
    text: str


@dataclass(frozen=True)
class Facts:
    """Names and values, one a line."""

    kind: ClassVar[str] = "facts"
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """Columns and rows of text; the first `left` columns hold names, the others figures."""

    kind: ClassVar[str] = "table"
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1


@dataclass(frozen=True)
class Bullets:
    """Sentences, one a line."""

    kind: ClassVar[str] = "bullets"
    items: tuple[str, ...]


@dataclass(frozen=True)
class Warnings:
    """Sentences that a reader must not miss."""

    kind: ClassVar[str] = "warnings"
    items: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """Commands as they are typed."""

    kind: ClassVar[str] = "code"
    text: str


@dataclass(frozen=True)
class Picture:
    """An SVG, its words for those who cannot see it, and the line below it."""

    kind: ClassVar[str] = "picture"
    svg: bytes
    alt: str
    caption: str

    @property
    def source(self) -> str:
        """The picture as a data address: one file, and nothing in a picture can run as a script."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg).decode()


@dataclass(frozen=True)
class Thumbnail:
    """A small JPEG photo, its words for those who cannot see it, a title, and the line below it."""

    jpeg: bytes
    alt: str
    caption: str
    title: str

    @property
    def source(self) -> str:
        return "data:image/jpeg;base64," + base64.b64encode(self.jpeg).decode()


@dataclass(frozen=True)
class Gallery:
    """Small photos side by side."""

    kind: ClassVar[str] = "gallery"
    photos: tuple[Thumbnail, ...]


Block = Prose | Facts | Table | Bullets | Warnings | Code | Picture | Gallery


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it; without blocks it is left out."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Page:
    """A whole report: what it is about, the result in one line, the main figures, then the sections.

    `wide` is for tables of a dozen columns.
    """

    kind: str
    title: str
    headline: str
    tiles: tuple[Tile, ...]
    sections: tuple[Section, ...]
    wide: bool = False


def render(page: Page) -> str:
    """The page as one HTML file without anything outside it. Raises MissingDependencyError without jinja2."""
    jinja2 = need("jinja2", "report")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["unbroken"] = unbroken
    made = f"edgecls {__version__}, {utc_now()[:10]}"
    return str(environment.get_template(TEMPLATE).render(page=page, made=made))


def unbroken(text: str) -> str:
    """Text whose figures keep their units on the same line."""
    return re.sub(r"(\d) (%|ms|MB|kB|GiB|threads?)(?!\w)", "\\1\u00a0\\2", text)


def write_page(path: Path, html: str) -> None:
    """Write a page, whole or not at all; its folder is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, html.encode())
