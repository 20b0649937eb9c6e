"""The pictures of layers and of attention: what they name, what they show, and that no label becomes markup."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest

from edgecls.evaluation.activations import LayerMap
from edgecls.reporting.layer_pictures import Shown, attention_picture, layer_picture, overlay, show_page

pytest.importorskip("jinja2", reason="needs the report extra")
pytest.importorskip("matplotlib", reason="needs the report extra")

RANDOM = np.random.default_rng(2)
PIXELS = RANDOM.integers(60, 200, (32, 32, 3), np.uint8)
NASTY = ("<script>alert(1)</script>", '" onerror="x', "$5 or $10", "リンゴ")


def layer(channels: int, side: int = 8) -> LayerMap:
    return LayerMap("block3_add", RANDOM.normal(size=(side, side, channels)).astype(np.float32))


def shown(label: str = "pear", maps: Sequence[LayerMap] = (layer(4),)) -> Shown:
    heat = np.linspace(0, 1, 49, dtype=np.float32).reshape(7, 7)
    top = ((label, 0.75), ("apple", 0.2))
    return Shown("run-001", "photo.jpg", PIXELS, top, label, heat, tuple(maps), 8)


def words(svg: bytes) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg.decode())


def test_a_layers_picture_says_its_name_its_size_and_which_channels() -> None:
    found = words(layer_picture(layer(20), 8))
    assert "block3_add: 8 × 8, 20 channels" in found
    numbers = [int(word) for word in found if word.isdigit()]
    assert len(set(numbers)) == 8
    assert max(numbers) < 20


@pytest.mark.parametrize(("there", "asked", "drawn"), [(20, 8, 8), (3, 8, 3), (20, 12, 12), (1, 1, 1)])
def test_as_many_channels_are_drawn_as_are_there_and_asked_for(there: int, asked: int, drawn: int) -> None:
    assert layer_picture(layer(there), asked).count(b"<image") == drawn


def test_a_second_row_makes_the_picture_higher_and_not_wider() -> None:
    one, two = (png_shape(layer_picture(layer(20), channels, "png")) for channels in (8, 16))
    assert two[1] == pytest.approx(one[1], rel=0.02)
    assert two[0] > 1.6 * one[0]


def test_few_channels_are_drawn_as_large_as_many() -> None:
    few, many = (png_shape(layer_picture(layer(channels), 8, "png")) for channels in (3, 8))
    assert few == pytest.approx(many, rel=0.02)


def png_shape(data: bytes) -> tuple[int, ...]:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return tuple(picture.shape)


@pytest.mark.parametrize("values", [np.zeros((4, 4, 3)), np.full((1, 1, 3), 5.0)], ids=["dead", "one pixel"])
def test_a_channel_without_contrast_is_drawn_too(values: np.ndarray) -> None:
    assert layer_picture(LayerMap("flat", values.astype(np.float32)), 8).count(b"<image") == 3


def test_the_overlay_is_bright_where_something_speaks_for_the_class() -> None:
    heat = np.zeros((7, 7), np.float32)
    heat[:, 5:] = 1
    found = overlay(PIXELS, heat)
    assert (found.shape, str(found.dtype)) == (PIXELS.shape, "uint8")
    assert found[:, 26:].mean() > 2 * found[:, :18].mean()


def test_the_photo_is_seen_through_the_overlay() -> None:
    edge = np.zeros((32, 32, 3), np.uint8)
    edge[:16] = 255
    found = overlay(edge, np.full((7, 7), 0.5, np.float32)).astype(int)
    assert (found[:16] - found[16:]).min() >= 100


@pytest.mark.parametrize("label", NASTY)
def test_any_label_is_written_as_text(label: str) -> None:
    svg = attention_picture(PIXELS, shown().heat, label)
    assert b"<script" not in svg
    page = show_page(shown(label))
    assert "<script" not in page
    assert 'onerror="x"' not in page
    assert "://" not in page


def test_the_page_shows_every_layer_and_the_attention() -> None:
    page = show_page(shown(maps=(layer(3), layer(20), layer(5))))
    assert page.count("<img ") == 4
    for text in ("Taken for pear, 75.0", "photo.jpg, as run-001 sees it", "7 × 7", "apple"):
        assert text in page


def test_the_page_says_when_nothing_speaks_for_the_class() -> None:
    sentence = "Nothing in the last map speaks for pear."
    assert sentence not in show_page(shown())
    assert sentence in show_page(replace(shown(), heat=np.zeros((7, 7), np.float32)))
