"""The surface that pictures are drawn on: matplotlib without its global state, out as SVG or PNG."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from edgecls.errors import need

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1f2430"
FAINT = "#667085"
RULE = "#e4e7ec"
CARD = "#ffffff"
# Okabe and Ito 2008, "Color universal design": told apart by colour-blind readers too.
BLUE, ORANGE, GREEN, PURPLE, RED = "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00"

STYLE: dict[str, Any] = {
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 9.5,
    "text.color": INK,
    "text.parse_math": False,  # a class may be called "$5 or $10"
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.unicode_minus": True,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "svg.fonttype": "none",  # the reader's fonts know letters that DejaVu does not
    "svg.hashsalt": "edgecls",
    "savefig.facecolor": CARD,
}


@contextmanager
def drawing() -> Iterator[None]:
    """The style of the reports, for the figures made inside. Raises MissingDependencyError."""
    matplotlib = need("matplotlib", "report")
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches, laid out so that no label is cut off."""
    figure: Figure = need("matplotlib.figure", "report").Figure(
        figsize=(width, height), layout="constrained", facecolor=CARD
    )
    return figure


def plain(axes: Axes, *, grid: Literal["both", "x", "y"] = "y") -> None:
    """Take away what carries no information: the box, the tick marks; faint lines along `grid`."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(RULE)
    axes.tick_params(length=0, labelcolor=FAINT)
    axes.set_axisbelow(True)
    axes.grid(True, axis=grid, color=RULE, linewidth=0.8)


def rendered(figure: Figure, format: str = "svg") -> bytes:
    """The picture as "svg" or "png" bytes, the same bytes for the same figure."""
    buffer = io.BytesIO()
    metadata = {"Date": None} if format == "svg" else None
    figure.savefig(buffer, format=format, dpi=160, metadata=metadata, bbox_inches="tight", pad_inches=0.12)
    return buffer.getvalue()
