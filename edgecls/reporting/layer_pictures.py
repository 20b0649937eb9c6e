"""The pictures of one photo's way through a network: the maps after its layers, and where the decision looked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgecls.errors import need
from edgecls.evaluation.activations import LayerMap, Map, strongest
from edgecls.evaluation.attention import Heat
from edgecls.preprocess import Pixels
from edgecls.reporting.drawing import FAINT, drawing, new_figure, rendered
from edgecls.reporting.figures import shortened
from edgecls.reporting.page import Page, Picture, Prose, Section, Table, Tile, render
from edgecls.reporting.wording import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 8.4  # inches, that of the other pictures
COLUMNS = 8
# Smith and van der Walt 2015, "A better default colormap for matplotlib": even steps from dark to bright, so that
# colour-blind readers and grey prints keep the order.
CHANNEL_COLOURS = "viridis"
HEAT_COLOURS = "inferno"
HEAT_SHARE = 0.6  # of the heat over the photo: both stay readable

HOW_ATTENTION = (
    "Grad-CAM: the channels of the last map, weighted with what each adds to the score of the class, enlarged to "
    "the picture. It says which places spoke for the class in this network, not whether they are the object."
)
HOW_LAYERS = (
    "After each of these layers, from the pixels to the last map: the channels that vary most over this picture, "
    "strongest first, with their numbers. Each is drawn between its own least (dark) and greatest value (bright), "
    "so that brightness can be compared within a channel and not between two."
)


@dataclass(frozen=True)
class Shown:
    """Everything that is shown of one photo.

    `pixels` are what the network saw, uint8 RGB (height, width, 3). `top` holds labels with their confidence,
    best first. `heat` is float32 (h, w), 0..1, what speaks for `label`. `channels` says how many of each map.
    """

    run: str
    photo: str
    pixels: Pixels
    top: tuple[tuple[str, float], ...]
    label: str
    heat: Heat
    maps: tuple[LayerMap, ...]
    channels: int


def layer_picture(layer: LayerMap, channels: int, format: str = "svg") -> bytes:
    """The strongest channels of a map, eight in a row, each scaled to its own least and greatest value."""
    numbers = strongest(layer.values, channels)
    rows = -(-len(numbers) // COLUMNS)
    with drawing():
        figure = new_figure(WIDTH, 0.34 + 1.17 * rows)
        grid = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
        figure.suptitle(f"{layer.layer}: {size_words(layer.values)}", x=0.004, ha="left", fontsize=10.5,
                        fontweight="bold")  # fmt: skip
        for axes in grid:
            axes.set_axis_off()
            axes.set_box_aspect(layer.values.shape[0] / layer.values.shape[1])
        for axes, number in zip(grid, numbers, strict=False):
            axes.imshow(layer.values[:, :, number], cmap=CHANNEL_COLOURS, interpolation="none")
            axes.set_title(str(number), loc="center", fontsize=8, fontweight="normal", color=FAINT, pad=2.5)
        return rendered(figure, format)


def size_words(values: Map) -> str:
    """A map's shape in words."""
    height, width, channels = values.shape
    return f"{height} × {width}, {channels} channels"


def attention_picture(pixels: Pixels, heat: Heat, label: str, format: str = "svg") -> bytes:
    """What the network saw, and beside it the same in grey under the heat. Shapes (height, width, 3), (h, w)."""
    with drawing():
        figure = new_figure(WIDTH, 4.75)
        seen, looked = figure.subplots(1, 2)
        seen.imshow(pixels, interpolation="none")
        seen.set_title("what the network sees")
        looked.imshow(overlay(pixels, heat), interpolation="none")
        looked.set_title(f"what speaks for {shortened(label)}")
        for axes in (seen, looked):
            axes.set_axis_off()
            axes.set_anchor("N")
        _scale(figure, looked)
        return rendered(figure, format)


def _scale(figure: Figure, axes: Axes) -> None:
    """How the heat reads, as a bar below the picture."""
    colours = need("matplotlib.cm", "report").ScalarMappable(cmap=HEAT_COLOURS)
    bar = figure.colorbar(colours, ax=axes, orientation="horizontal", aspect=45, pad=0.02, ticks=[0, 1])
    least, greatest = bar.ax.set_xticklabels(["nothing", "most"])
    least.set_horizontalalignment("left")
    greatest.set_horizontalalignment("right")
    bar.ax.tick_params(length=0)
    bar.outline.set_visible(False)


def overlay(pixels: Pixels, heat: Heat) -> Pixels:
    """Heat (h, w), 0..1, enlarged to the picture and laid over its grey: uint8 RGB of the picture's shape."""
    height, width = pixels.shape[:2]
    # Cubic: linear interpolation leaves stars around the peaks of a map of 7 by 7. It overshoots a little.
    enlarged = np.clip(cv2.resize(heat, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1)
    colours = need("matplotlib", "report").colormaps[HEAT_COLOURS](enlarged)[:, :, :3] * 255
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[:, :, None]
    return np.asarray(np.rint(HEAT_SHARE * colours + (1 - HEAT_SHARE) * grey), np.uint8)


def show_page(shown: Shown) -> str:
    """HTML of everything that is shown of one photo."""
    best, confidence = shown.top[0]
    height, width = shown.pixels.shape[:2]
    last = shown.heat.shape
    page = Page(
        kind="Layer by layer",
        title=f"{shown.photo}, as {shown.run} sees it",
        headline=f"Taken for {best}, {percent(confidence)}",
        tiles=(
            Tile("what the network sees", f"{height} × {width}", "pixels, after crop and resizing"),
            Tile("what it decides from", f"{last[0]} × {last[1]}", "places of the last map"),
            Tile("looked at for", shown.label, "the class whose evidence is shown"),
        ),
        sections=(
            Section("Where the decision looked", _attention_blocks(shown)),
            Section("What the picture becomes", (Prose(HOW_LAYERS), *_layer_blocks(shown))),
        ),
    )
    return render(page)


def _attention_blocks(shown: Shown) -> tuple[Picture | Prose | Table, ...]:
    picture = Picture(
        attention_picture(shown.pixels, shown.heat, shown.label),
        f"The picture the network sees, and beside it which places speak for {shown.label}",
        "" if shown.heat.any() else f"Nothing in the last map speaks for {shown.label}.",
    )
    top = Table(("label", "confidence"), tuple((label, percent(share)) for label, share in shown.top))
    return (picture, Prose(HOW_ATTENTION), top)


def _layer_blocks(shown: Shown) -> tuple[Picture, ...]:
    return tuple(
        Picture(layer_picture(layer, shown.channels), f"The strongest channels after {layer.layer}", "")
        for layer in shown.maps
    )
