"""Augmentation: another view of a preprocessed photo, as another camera position and light would give it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edgecls.preprocess import Pixels


@dataclass(frozen=True)
class Augmentation:
    """Ranges that views are drawn from, uniformly.

    `zoom` and `gain` are factors, `rotation` is in degrees, `shift` a share of the side, `bias` in grey levels.
    """

    zoom: tuple[float, float] = (0.9, 1.33)
    rotation: float = 12.0
    shift: float = 0.06
    gain: tuple[float, float] = (0.8, 1.2)
    bias: float = 15.0
    flip: bool = True


# Under this side, turning and zooming would blur what little there is: pictures are shifted by whole pixels.
SMALL_PICTURE = 64
SMALL_SHIFT = 1 / 8


def augment(picture: Pixels, rng: np.random.Generator, ranges: Augmentation) -> Pixels:
    """One random view of a uint8 picture (h, w, 3): turned, zoomed, shifted, mirrored, lit otherwise."""
    h, w = picture.shape[:2]
    turn = cv2.getRotationMatrix2D(
        (w / 2, h / 2), rng.uniform(-ranges.rotation, ranges.rotation), rng.uniform(*ranges.zoom)
    )
    turn[:, 2] = turn[:, 2] + rng.uniform(-ranges.shift, ranges.shift, 2) * (w, h)
    view = cv2.warpAffine(picture, turn, (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    if ranges.flip and rng.random() < 0.5:
        view = view[:, ::-1]
    lit = view * rng.uniform(*ranges.gain) + rng.uniform(-ranges.bias, ranges.bias)
    return np.asarray(np.clip(lit, 0, 255), np.uint8)


def augment_batch(pictures: Pixels, rng: np.random.Generator, *, flip: bool, cutout: float = 0.0) -> Pixels:
    """A view of each picture of a batch (n, h, w, 3), mirrored only if `flip`.

    With `cutout`, a share of the side, a square of each view is covered with the view's mean colour; its centre may be
    any pixel, so that less of it can be inside (DeVries and Taylor 2017, arXiv:1708.04552).
    """
    if pictures.shape[1] < SMALL_PICTURE:
        views = _shift_batch(pictures, rng, flip=flip)
    else:
        views = np.stack([augment(picture, rng, Augmentation(flip=flip)) for picture in pictures])
    if cutout:
        _cut_out(views, rng, cutout)
    return views


def _cut_out(views: Pixels, rng: np.random.Generator, share: float) -> None:
    """Cover a square of each view, in place."""
    n, h, w = views.shape[:3]
    side = max(1, round(share * min(h, w)))
    corners = rng.integers(0, (h, w), (n, 2)) - side // 2
    means = np.rint(views.mean(axis=(1, 2))).astype(np.uint8)
    for view, (top, left), mean in zip(views, corners, means, strict=True):
        view[max(top, 0) : top + side, max(left, 0) : left + side] = mean


def _shift_batch(pictures: Pixels, rng: np.random.Generator, *, flip: bool) -> Pixels:
    """Each picture shifted by up to an eighth of its side, mirrored at the edges, and flipped half the time."""
    n, side = pictures.shape[:2]
    reach = max(1, round(side * SMALL_SHIFT))
    around = np.pad(pictures, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="reflect")
    starts = rng.integers(0, 2 * reach + 1, (n, 2))
    mirrored = np.less(rng.random(n), 0.5 if flip else 0.0)
    views = np.empty_like(pictures)
    for i, (top, left) in enumerate(starts):
        view = around[i, top : top + side, left : left + side]
        views[i] = view[:, ::-1] if mirrored[i] else view
    return views
